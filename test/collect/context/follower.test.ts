import { execFileSync } from "node:child_process";
import {
  appendFile,
  chmod,
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ContextFollower, type FollowerSettings } from "../../../src/collect/context/follower.ts";
import type { Notice } from "../../../src/collect/thread/protocol.ts";
import { loadContextTable } from "../../../src/config/data.ts";
import type { ContextObservation } from "../../../src/model/observation.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { logRequest, traceRequest } from "./receiver.ts";

const T0 = 1_800_000_000;
const line = (tool: string, extra: object = {}): string =>
  `${JSON.stringify({ kind: "context", from: T0, to: T0 + 5, tool, ...extra })}\n`;

const followers: ContextFollower[] = [];
afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.close();
});

async function following(path: string, over: Partial<FollowerSettings> = {}) {
  const notices: Notice[] = [];
  const follower = new ContextFollower(
    { table: loadContextTable(), host: "h", path, ...over },
    { onNotice: (notice) => notices.push(notice) },
  );
  followers.push(follower);
  const opened = await follower.open();
  const contexts = async (): Promise<ContextObservation[]> => {
    const seen = await follower.collect(T0 * 1000);
    return seen.filter((each) => each.kind === "context");
  };
  const tools = async () => (await contexts()).map(({ tool }) => tool);
  return { follower, opened, notices, contexts, tools };
}

const newFile = (): string => join(temporaryFolder("context"), "context.jsonl");

describe("a file of contexts", () => {
  it("is read from its start, and then as it grows", async () => {
    const file = newFile();
    await writeFile(file, line("a") + line("b"));
    const { tools } = await following(file);
    expect(await tools()).toEqual(["a", "b"]);
    expect(await tools()).toEqual([]);
    await appendFile(file, line("c"));
    expect(await tools()).toEqual(["c"]);
  });

  it("has a last line that waits for its rest", async () => {
    const file = newFile();
    const whole = line("é");
    await writeFile(file, Buffer.from(whole).subarray(0, 50));
    const { tools } = await following(file);
    expect(await tools()).toEqual([]);
    await appendFile(file, Buffer.from(whole).subarray(50, -4));
    expect(await tools()).toEqual([]);
    await appendFile(file, Buffer.from(whole).subarray(-4));
    expect(await tools()).toEqual(["é"]);
  });

  it("that is cut, and one that is written anew in its place, are read from the start", async () => {
    const file = newFile();
    await writeFile(file, line("a") + line("b"));
    const { tools } = await following(file);
    await tools();
    await truncate(file, 0);
    await appendFile(file, line("c"));
    expect(await tools()).toEqual(["c"]);
    // As long as it was and longer: only what it begins with tells.
    await writeFile(file, line("d", { from: T0 + 1 }) + line("e") + line("f"));
    expect(await tools()).toEqual(["d", "e", "f"]);
  });

  it("that is rotated is read to its end, and then the new one", async () => {
    const file = newFile();
    await writeFile(file, line("a"));
    const { tools } = await following(file);
    await tools();
    await appendFile(file, line("late"));
    await rename(file, `${file}.1`);
    await writeFile(file, line("new"));
    expect((await tools()).sort()).toEqual(["late", "new"]);
    await appendFile(file, line("newer"));
    expect(await tools()).toEqual(["newer"]);
  });

  it("may come later, go and come back", async () => {
    const file = newFile();
    const { opened, follower, tools } = await following(file);
    expect(opened).toMatchObject({ status: "absent" });
    await writeFile(file, line("a"));
    expect(await follower.open()).toMatchObject({ status: "ready" });
    expect(await tools()).toEqual(["a"]);
    await rm(file);
    expect(await tools()).toEqual([]);
    await writeFile(file, line("b"));
    expect(await tools()).toEqual(["b"]);
  });

  it("is read in bounded pieces, and only the end of a long one", async () => {
    const file = newFile();
    const all = Array.from({ length: 100 }, (_, i) => `t${i}`);
    await writeFile(file, all.map((tool) => line(tool)).join(""));
    const size = line("t10").length;
    const { tools } = await following(file, { maxBytesPerTick: 10 * size });
    const first = await tools();
    expect(first.length).toBeLessThanOrEqual(10 + 1);
    const rest: (string | undefined)[] = [];
    for (let i = 0; i < 12; i += 1) rest.push(...(await tools()));
    expect([...first, ...rest]).toEqual(all);
    const end = await following(file, { backlogBytes: 5 * size + 3 });
    expect(await end.tools()).toEqual(["t95", "t96", "t97", "t98", "t99"]);
  });

  it("gives the same words again when it is read again", async () => {
    const file = newFile();
    const otlp = traceRequest({ "service.name": "s" }, [
      { fromMs: T0 * 1000, toMs: T0 * 1000 + 9 },
    ]);
    await writeFile(file, `${line("a")}${line("b", { id: "mine" })}${JSON.stringify(otlp)}\n`);
    const once = await (await following(file)).contexts();
    const twice = await (await following(file)).contexts();
    expect(twice).toEqual(once);
    expect(once.map(({ id }) => id)).toEqual([
      expect.stringMatching(/^line:/),
      "mine",
      expect.stringMatching(/^work:/),
    ]);
  });

  it("says that it was heard when it ended, but never later than now", async () => {
    const file = newFile();
    const early = line("past", { from: T0 - 60, to: T0 - 50 });
    await writeFile(file, early + line("future", { t: T0 + 9e6 }));
    const [past, future] = await (await following(file)).contexts();
    expect([past?.atMs, future?.atMs]).toEqual([(T0 - 50) * 1000, T0 * 1000]);
  });

  it("finds the same id in a line that tells the end", async () => {
    const file = newFile();
    await writeFile(file, line("a", { to: undefined }) + line("a"));
    const [open, ended] = await (await following(file)).contexts();
    expect(ended?.id).toBe(open?.id);
    expect([open?.toMs, ended?.toMs]).toEqual([undefined, (T0 + 5) * 1000]);
  });
});

describe("what a file exporter of the OpenTelemetry collector writes", () => {
  it("is read, traces and logs", async () => {
    const file = newFile();
    const atMs = T0 * 1000;
    const resource = { "service.name": "agent" };
    const spans = [{ fromMs: atMs, toMs: atMs + 1, attributes: { "gen_ai.tool.name": "bash" } }];
    const logged = { "event.name": "gemini_cli.tool_call", function_name: "sh", duration_ms: 250 };
    await writeFile(
      file,
      `${JSON.stringify(traceRequest(resource, spans))}\n${JSON.stringify(logRequest(resource, [{ atMs, attributes: logged }]))}\n`,
    );
    const { contexts } = await following(file);
    expect(await contexts()).toMatchObject([
      { tool: "bash", service: "agent", fromMs: atMs, toMs: atMs + 1 },
      { tool: "sh", service: "agent", fromMs: atMs - 250, toMs: atMs },
    ]);
  });
});

describe("bad lines", () => {
  it("are passed over, counted, and told of once with the place", async () => {
    const file = newFile();
    const bad = [
      "{",
      "[]",
      '{"kind":"gpu","t":1}',
      line("x", { from: "now" }),
      line("y", { from: T0 + 9 }),
    ];
    await writeFile(
      file,
      `${line("a")}\n${bad.map((each) => `${each.trim()}\n`).join("")}${line("b")}`,
    );
    const { tools, follower, notices } = await following(file);
    expect(await tools()).toEqual(["a", "b"]);
    expect(follower.dropped).toBe(bad.length);
    expect(notices).toHaveLength(1);
    expect(notices[0]?.text).toContain(`context.jsonl, line at byte ${line("a").length + 1}: `);
  });

  it("of more than a megabyte are passed over without being kept", async () => {
    const file = newFile();
    await writeFile(file, `${"x".repeat(3_000_000)}\n${line("a")}`);
    const { tools, follower } = await following(file);
    const seen: unknown[] = [];
    for (let i = 0; i < 5; i += 1) seen.push(...(await tools()));
    expect(seen).toEqual(["a"]);
    expect(follower.dropped).toBe(1);
  });

  it("bound and mask what they say where they are good", async () => {
    const file = newFile();
    const args = `curl -H 'Authorization: Bearer abcdefghijklmnop' ${"y".repeat(5000)}`;
    await writeFile(file, line("t".repeat(999), { arguments: args, pids: Array(100).fill(7) }));
    const [context] = await (await following(file)).contexts();
    expect(context?.tool).toHaveLength(256);
    expect(context?.pids).toHaveLength(64);
    expect(context?.arguments).toHaveLength(1024);
    expect(context?.arguments).toContain("[masked]");
    expect(context?.arguments).not.toContain("abcdefgh");
  });
});

describe("a directory", () => {
  it("is followed file by file; new ones, renamed ones and gone ones are lived with", async () => {
    const folder = temporaryFolder("contexts");
    const file = (name: string): string => join(folder, name);
    await writeFile(file("a.jsonl"), line("a"));
    await writeFile(file("notes.txt"), line("no"));
    await mkdir(file("deeper.jsonl"));
    const { tools } = await following(folder);
    expect(await tools()).toEqual(["a"]);
    await writeFile(file("b.ndjson"), line("b"));
    await appendFile(file("a.jsonl"), line("a2"));
    expect((await tools()).sort()).toEqual(["a2", "b"]);
    await rename(file("a.jsonl"), file("a-old.jsonl"));
    await appendFile(file("a-old.jsonl"), line("a3"));
    expect(await tools()).toEqual(["a3"]);
    await rm(file("b.ndjson"));
    expect(await tools()).toEqual([]);
  });

  it("leads nowhere else: no links, no pipes", async () => {
    const [folder, other] = [temporaryFolder("contexts"), newFile()];
    await writeFile(other, line("secret"));
    await symlink(other, join(folder, "link.jsonl"));
    execFileSync("mkfifo", [join(folder, "pipe.jsonl")]);
    expect(await (await following(folder)).tools()).toEqual([]);
  });
});

describe("a path that is wrong", () => {
  it("is an error where it is a device", async () => {
    await expect(following("/dev/null")).rejects.toMatchObject({ code: "context/file" });
  });

  it.skipIf(process.getuid?.() === 0)("is an error where it may not be read", async () => {
    const file = newFile();
    await writeFile(file, line("a"));
    await chmod(file, 0);
    await expect(following(file)).rejects.toMatchObject({ code: "context/file", place: file });
  });
});
