import { execFile } from "node:child_process";
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { makeFolder } from "../../src/ledger/folder.ts";
import { TuningCache, tuningKey } from "../../src/probe/tuning-cache.ts";
import { builtUrl } from "../support/built.ts";
import { ADAPTER } from "../support/scripted-device.ts";
import { temporaryFolder } from "../support/temporary.ts";

const modeOf = (path: string): number => statSync(path).mode & 0o777;
/** A process: what hangs inside a system call ends no test in its own. */
const node = (script: string): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 10_000 });

describe("making a folder", () => {
  it("makes the parents that are missing too, all of one mode", () => {
    const root = temporaryFolder("folder");
    expect(makeFolder(join(root, "a", "b", "c"), 0o700)).toBe(true);
    for (const path of ["a", "a/b", "a/b/c"]) expect(modeOf(join(root, path))).toBe(0o700);
  });

  it("leaves one that is there as it is, and says that it is not new", () => {
    const path = join(temporaryFolder("folder"), "open");
    mkdirSync(path, { mode: 0o755 });
    expect(makeFolder(path, 0o700)).toBe(false);
    expect(makeFolder(`${path}/../open/`, 0o700)).toBe(false);
    expect(modeOf(path)).toBe(0o755);
  });

  it("takes a link to a folder for one, and refuses one that points nowhere", () => {
    const root = temporaryFolder("folder");
    mkdirSync(join(root, "real"));
    symlinkSync(join(root, "real"), join(root, "link"));
    expect(makeFolder(join(root, "link", "in"), 0o700)).toBe(true);
    expect(existsSync(join(root, "real", "in"))).toBe(true);
    symlinkSync(join(root, "none"), join(root, "lost"));
    expect(() => makeFolder(join(root, "lost"), 0o700)).toThrow(/EEXIST/);
  });

  it("refuses a file in its place, and one in a parent's", () => {
    const file = join(temporaryFolder("folder"), "file");
    writeFileSync(file, "");
    expect(() => makeFolder(file, 0o700)).toThrow(/EEXIST/);
    expect(() => makeFolder(join(file, "a", "b"), 0o700)).toThrow(/ENOTDIR/);
  });

  it.skipIf(process.platform !== "linux")(
    "fails under /proc, where nobody can make one, and does not try for ever (needs Linux)",
    async () => {
      const url = JSON.stringify(builtUrl("ledger/folder.js").href);
      const { stdout } = await node(
        `const { makeFolder } = await import(${url});
         for (const path of ["/proc/nope", "/proc/nope/deeper"])
           try { makeFolder(path, 0o700); } catch ({ code }) { console.log(code); }`,
      );
      expect(stdout).toBe("ENOENT\nENOENT\n");
    },
  );
});

describe("the folder of the tuning cache", () => {
  const key = tuningKey(ADAPTER, "sha256d", "code");

  it("is made as its maker makes it", async () => {
    const folder = join(temporaryFolder("tuning"), "state", "deeper");
    const make = (path: string): void => void makeFolder(path, 0o700);
    const cache = new TuningCache(join(folder, "tuning.json"), expect.unreachable, make);
    await cache.store(key, { N: 1 });
    expect(modeOf(folder)).toBe(0o700);
    expect(existsSync(join(folder, "tuning.json"))).toBe(true);
  });

  it("that cannot be made is said once, and the cache answers", async () => {
    const said: string[] = [];
    const file = join(temporaryFolder("tuning"), "file");
    writeFileSync(file, "");
    const make = (path: string): void => void makeFolder(path, 0o700);
    const cache = new TuningCache(join(file, "in", "tuning.json"), (text) => said.push(text), make);
    await cache.store(key, { N: 1 });
    await cache.store(key, { N: 2 });
    expect(await cache.find(key)).toEqual({ N: 2 });
    expect(said.filter((text) => text.includes("cannot be written"))).toHaveLength(1);
  });
});
