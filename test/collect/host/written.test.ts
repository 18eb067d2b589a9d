import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GPU, named, scanner, writtenProc } from "./proc-tree.ts";

const isRoot = process.getuid?.() === 0;

describe("a scan of what is not as it should be", () => {
  it("never takes a reused number for the process that was named", () => {
    const tree = writtenProc();
    tree.write(500, { startTicks: 500 });
    tree.write(501, { ppid: 500 });
    const scan = scanner(tree);
    expect(scan([named(500)]).pids).toEqual([501]);
    tree.write(500, { startTicks: 900 });
    tree.write(501, { ppid: 500, startTicks: 901 });
    expect(scan([named(500)]).pids).toEqual([]);
    // A driver that names it anew, with its own start, means the new one.
    expect(scan([{ pid: 500, startTimeMs: 1_700_000_009_000 }]).pids).toEqual([501]);
  });

  it("takes a holder for another process once its number has passed on", () => {
    const tree = writtenProc();
    tree.write(500, { startTicks: 500, fds: GPU });
    const scan = scanner(tree);
    expect(scan().pids).toEqual([500]);
    tree.write(500, { startTicks: 900 });
    expect(scan().pids).toEqual([]);
  });

  it.each(["stat", "status", "cgroup", "cmdline", "fd", "loginuid", "sessionid"])(
    "goes on where %s is gone",
    (name) => {
      const tree = writtenProc();
      const folder = tree.write(500);
      rmSync(join(folder, name), { recursive: true });
      tree.write(501, { ppid: 500 });
      expect(() => scanner(tree)([named(500)])).not.toThrow();
    },
  );

  it("goes on with what no process ever wrote", () => {
    const tree = writtenProc();
    for (const [pid, stat] of [
      [600, ""],
      [601, "601 (x"],
      [602, "602 (x) S -1 -1 -1"],
      [603, `603 (${"(".repeat(5000)}) S 603 603 603 ${"0 ".repeat(15)}9 0`],
    ] as const)
      writeFileSync(join(tree.write(pid), "stat"), stat);
    mkdirSync(join(tree.root, "99999999999999999999"));
    writeFileSync(join(tree.root, "12"), "a file");
    tree.write(500, { ppid: 501 });
    tree.write(501, { ppid: 500, startTicks: 500 });
    expect(scanner(tree)([named(500)]).pids).toEqual([501]);
  });

  it("tells a path of 4 KB, and a title of a megabyte with escapes in it, bounded", () => {
    const tree = writtenProc();
    const argv = ["\u001b[2J".repeat(250_000)];
    tree.write(500, { cgroup: `/${"x".repeat(4096)}`, argv, fds: GPU });
    const { list } = scanner(tree)();
    expect(list[0]?.argv?.[0]?.length).toBeLessThanOrEqual(256);
    expect(list[0]?.cgroup?.length).toBeLessThanOrEqual(1024);
  });

  it("says that a hidden process table shows little", () => {
    const tree = writtenProc();
    tree.exit(1);
    tree.write(500, { fds: GPU });
    expect(scanner(tree)()).toMatchObject({
      pids: [500],
      detail: expect.stringContaining("not all processes of the host are visible"),
    });
  });

  it.skipIf(isRoot)("counts whose files it may not look at", () => {
    const tree = writtenProc();
    chmodSync(join(tree.write(500), "fd"), 0);
    const { detail, sockets } = scanner(tree)([named(500)]);
    expect(detail).toContain("1 processes whose open files cannot be looked at");
    expect(sockets).toBeUndefined();
  });

  it("is absent where there are no processes", () => {
    const scan = scanner({ root: "/nowhere" });
    expect(scan().pids).toEqual([]);
  });

  it("lives through 50,000 processes", () => {
    const tree = writtenProc();
    // Only their numbers and nothing in them: as if all ended between listing and reading.
    for (let pid = 1000; pid < 51_000; pid += 1) mkdirSync(join(tree.root, String(pid)));
    tree.write(500, { fds: GPU });
    const scan = scanner(tree);
    expect(scan().detail).toContain("processes left for the next scan");
    expect(scan([named(500)])).toMatchObject({ list: [], sockets: [] });
  });
});
