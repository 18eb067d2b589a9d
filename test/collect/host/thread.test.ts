import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { HolderBoard, withBoard } from "../../../src/collect/host/board.ts";
import { createThreadedHostCollector } from "../../../src/collect/host/thread.ts";
import type { ProcessSample } from "../../../src/model/sample.ts";
import { builtUrl } from "../../support/built.ts";
import { ScriptedCollector } from "../../support/scripted-collector.ts";
import { GPU, writtenProc } from "./proc-tree.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const threaded = (procRoot: string, worker: string, board = new HolderBoard()) => {
  const workerUrl = builtUrl(`collect/thread/${worker}.js`);
  const collector = createThreadedHostCollector(
    { procRoot, sockets: true, intervalMs: 5000, workerUrl },
    { monotonicMs: () => performance.now(), board },
  );
  ends.push(async () => collector.close());
  return collector;
};

describe("the host on a thread", () => {
  it("is scanned there, with what the drivers named meanwhile", async () => {
    const child = spawn("sleep", ["60"]);
    ends.push(() => child.kill());
    const pid = child.pid ?? 0;
    const board = new HolderBoard();
    board.note("nvml", [sample([{ pid, startTimeMs: 1, comm: "sleep" }])]);
    const collector = threaded("/proc", "worker", board);
    expect(collector.minIntervalMs).toBe(5000);
    expect(await collector.open()).toMatchObject({ status: "ready" });
    const seen = await collector.collect(1_800_000_000_000);
    // This very process started it: it counts as the agent's own.
    expect(seen).toContainEqual({ kind: "host", atMs: 1_800_000_000_000, list: [] });
    expect(seen).toContainEqual({ kind: "sockets", atMs: 1_800_000_000_000, list: [] });
    expect(collector.detail).toMatch(/^\d+ processes, /);
  });

  it("starts no thread before the first scan, and none where there are no processes", async () => {
    const { root } = writtenProc();
    expect(await threaded(root, "no-such-worker").open()).toMatchObject({ status: "ready" });
    expect(await threaded("/nowhere", "no-such-worker").open()).toMatchObject({ status: "absent" });
  });

  it("finds holders by itself, and starts again after it was closed", async () => {
    const tree = writtenProc();
    tree.write(500, { fds: GPU });
    const collector = threaded(tree.root, "worker");
    for (let time = 0; time < 2; time += 1) {
      const [host] = await collector.collect(1_800_000_000_000);
      expect(host).toMatchObject({ kind: "host", list: [{ pid: 500, holdsDevice: true }] });
      await collector.close();
    }
  });
});

const sample = (list: ProcessSample["list"], gpu = 0): ProcessSample => ({
  kind: "processes",
  atMs: 1,
  gpu,
  list,
});

describe("the board of those the drivers name", () => {
  const one = { pid: 1, startTimeMs: 10, comm: "a" };
  const two = { pid: 2, startTimeMs: 20, comm: "b" };
  const hint = ({ pid, startTimeMs }: typeof one) => ({ pid, startTimeMs });

  it("has each once, as last said of each device", () => {
    const board = new HolderBoard();
    board.note("nvml", [sample([one, two]), sample([one], 1)]);
    expect(board.hints()).toEqual([hint(one), hint(two)]);
    board.note("nvml", [sample([two])]);
    expect(board.hints()).toEqual([hint(two), hint(one)]);
    board.note("nvml", [sample([]), sample([], 1)]);
    expect(board.hints()).toEqual([]);
  });

  it.each([
    ["is gone", { ...one, exited: true }],
    ["is not described here", { pid: 1 }],
    ["has no start", { pid: 1, comm: "a" }],
  ])("has none that %s", (_, process) => {
    const board = new HolderBoard();
    board.note("nvml", [sample([process])]);
    expect(board.hints()).toEqual([]);
  });

  it("is filled by what passes, which passes as it is", async () => {
    const board = new HolderBoard();
    const collector = new ScriptedCollector("nvml");
    collector.reading = async () => [sample([one])];
    const wrapped = withBoard(collector, board);
    await wrapped.open();
    expect(await wrapped.collect(1)).toEqual([sample([one])]);
    expect(board.hints()).toEqual([hint(one)]);
  });
});

describe("what the scan can reach", () => {
  it("is no resolver of names: no module of it asks one", () => {
    const entry = fileURLToPath(new URL("../../../src/collect/host/source.ts", import.meta.url));
    const files = new Set<string>();
    const outside = new Set<string>();
    const visit = (file: string): void => {
      if (files.has(file)) return;
      files.add(file);
      for (const [, from = ""] of readFileSync(file, "utf8").matchAll(/from "([^"]+)"/g)) {
        if (from.startsWith(".")) visit(resolve(dirname(file), from));
        else outside.add(from);
      }
    };
    visit(entry);
    expect(files.size).toBeGreaterThan(15);
    // Nothing here opens a connection or runs a program either. The parser of addresses and the bridge to
    // the kernel's calls are libraries without network code of their own.
    expect([...outside].sort()).toEqual(["ipaddr.js", "koffi", "node:fs", "node:path"]);
  });
});
