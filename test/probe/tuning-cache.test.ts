import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TuningCache, type TuningKey, tuningKey } from "../../src/probe/tuning-cache.ts";
import { ADAPTER } from "../support/scripted-device.ts";
import { temporaryFolder } from "../support/temporary.ts";

const KEY = tuningKey(ADAPTER, "sha256d", "code");
const other = (number: number): TuningKey => ({ ...KEY, kernel: `kernel-${number}` });

function open(path: string): { cache: TuningCache; said: string[] } {
  const said: string[] = [];
  return { cache: new TuningCache(path, (message) => said.push(message)), said };
}

describe("the tuning cache", () => {
  const fresh = (): string => join(temporaryFolder("tuning"), "tuning.json");

  test("knows nothing without a file, and says nothing of it", async () => {
    const { cache, said } = open(fresh());
    expect(await cache.find(KEY)).toBeUndefined();
    expect(said).toEqual([]);
  });

  test("keeps what was stored for the next process, and leaves no other file", async () => {
    const path = fresh();
    await open(path).cache.store(KEY, { WORKGROUP: 64 });
    const { cache, said } = open(path);
    expect(await cache.find(KEY)).toEqual({ WORKGROUP: 64 });
    expect(await cache.find({ ...KEY, description: "another driver" })).toBeUndefined();
    expect(await readdir(join(path, ".."))).toEqual(["tuning.json"]);
    expect(said).toEqual([]);
  });

  test("keeps all of several that are stored at once, and the last of one key", async () => {
    const path = fresh();
    const { cache } = open(path);
    await Promise.all([1, 2, 3].map((n) => cache.store(other(n), { N: n })));
    await cache.store(other(1), { N: 9 });
    const read = open(path).cache;
    expect(await Promise.all([1, 2, 3].map((n) => read.find(other(n))))).toEqual([
      { N: 9 },
      { N: 2 },
      { N: 3 },
    ]);
  });

  test("is keyed by the adapter's names, the kernel and the shader's text", () => {
    expect(tuningKey(ADAPTER, "sha256d", "code")).toEqual(KEY);
    expect(tuningKey(ADAPTER, "sha256d", "code ").shader).not.toBe(KEY.shader);
    expect(KEY.shader).toMatch(/^[0-9a-f]{64}$/);
    const { vendor, architecture, device, description } = ADAPTER;
    expect(KEY).toMatchObject({ vendor, architecture, device, description, kernel: "sha256d" });
  });

  test.each([
    ["no JSON", "{"],
    ["empty", ""],
    ["of another version", JSON.stringify({ version: 2, entries: [] })],
    [
      "with a value of the wrong type",
      JSON.stringify({ version: 1, entries: [{ key: KEY, variant: { N: "1" } }] }),
    ],
    ["too large", " ".repeat(2 ** 20 + 1)],
  ])("started anew where the file is %s, and says so once", async (_, content) => {
    const path = fresh();
    await writeFile(path, content);
    const { cache, said } = open(path);
    expect(await cache.find(KEY)).toBeUndefined();
    expect(await cache.find(other(1))).toBeUndefined();
    expect(said.length).toBe(1);
    expect(said[0]).toContain("started anew");
    await cache.store(KEY, { N: 1 });
    const next = open(path);
    expect(await next.cache.find(KEY)).toEqual({ N: 1 });
    expect(next.said).toEqual([]);
  });

  test("reads a file of just the largest size", async () => {
    const path = fresh();
    const content = JSON.stringify({ version: 1, entries: [{ key: KEY, variant: { N: 1 } }] });
    await writeFile(path, content.padEnd(2 ** 20));
    expect(await open(path).cache.find(KEY)).toEqual({ N: 1 });
  });

  test("that cannot be written still answers, and says so once", async () => {
    const folder = temporaryFolder("tuning");
    // A folder in the file's place: root may write anywhere, but not over that.
    const path = join(folder, "tuning.json");
    await mkdir(join(path, "inside"), { recursive: true });
    const { cache, said } = open(path);
    await cache.store(KEY, { N: 1 });
    await cache.store(other(1), { N: 2 });
    expect(await cache.find(KEY)).toEqual({ N: 1 });
    expect(said.map((message) => /cannot be (used|written)/.exec(message)?.[1])).toEqual([
      "used",
      "written",
    ]);
    expect(await readdir(folder)).toEqual(["tuning.json"]);
  });

  test("holds 512 entries: the oldest go, and a stored one is the newest", async () => {
    const path = fresh();
    const entries = Array.from({ length: 512 }, (_, i) => ({ key: other(i), variant: { N: i } }));
    await writeFile(path, JSON.stringify({ version: 1, entries }));
    const { cache } = open(path);
    await cache.store(other(0), { N: 1000 });
    await cache.store(KEY, { N: 1 });
    const read = open(path).cache;
    expect(await read.find(other(0))).toEqual({ N: 1000 });
    expect(await read.find(other(1))).toBeUndefined();
    expect(await read.find(other(2))).toEqual({ N: 2 });
    expect(await read.find(KEY)).toEqual({ N: 1 });
    const kept: { entries: unknown[] } = JSON.parse(await readFile(path, "utf8"));
    expect(kept.entries.length).toBe(512);
  });

  test("is readable and writable for its owner alone", async () => {
    const path = fresh();
    const { cache } = open(path);
    await cache.store(KEY, { N: 1 });
    await chmod(path, 0o644);
    await cache.store(KEY, { N: 2 });
    const { mode } = await import("node:fs/promises").then(({ stat }) => stat(path));
    expect(mode & 0o777).toBe(0o600);
  });
});
