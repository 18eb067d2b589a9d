import { describe, expect, it } from "vitest";
import { GPU, named, scanner, type Written, writtenProc } from "./proc-tree.ts";

const HEX = "0123456789abcdef".repeat(4);

/** What one scan tells beside the holder 500, which a driver names. */
const around = (others: Record<number, Written>, holder: Written = {}) => {
  const tree = writtenProc();
  tree.write(500, { ppid: 1, ...holder });
  for (const [pid, process] of Object.entries(others)) tree.write(Number(pid), process);
  return scanner(tree)([named(500)]).pids;
};

describe("the tree of a process that holds a GPU", () => {
  it("is what descends from it, nearest first, and not the holder that a driver lists", () => {
    const pids = around({
      501: { ppid: 502 },
      502: { ppid: 500 },
      503: { ppid: 501, session: 503, uid: 0 },
    });
    expect(pids).toEqual([502, 501, 503]);
  });

  it("has what it came from, and the sibling under the same shell", () => {
    const others = {
      400: { comm: "bash", session: 400 },
      450: { comm: "ssh", ppid: 400, session: 400, argv: ["ssh", "-R", "1:h:2", "x"] },
    };
    expect(around(others, { ppid: 400, session: 400 })).toEqual([400, 450]);
  });

  it("has those of its container that have another parent and session", () => {
    const others = { 600: { uid: 0, cgroup: `/docker/${HEX}/sub` }, 601: { cgroup: "/docker/x" } };
    expect(around(others, { cgroup: `/docker/${HEX}` })).toEqual([600]);
  });

  it("has those that went to init but kept the session", () => {
    expect(around({ 600: { ppid: 1, session: 77 } }, { session: 77 })).toEqual([600]);
  });

  it("has those of the same login, whatever they became with sudo and setsid", () => {
    const login = { loginUid: 1000, auditSession: 5 };
    const others = { 600: { ...login, uid: 0 }, 601: { loginUid: 1000, auditSession: 6, uid: 0 } };
    expect(around(others, login)).toEqual([600]);
  });

  it("has the root process in its session that the same person started, not the one nobody did", () => {
    const session = 77;
    const others = { 600: { session, uid: 0, loginUid: 1000 }, 601: { session, uid: 0 } };
    expect(around(others, { session, loginUid: 1000 })).toEqual([600]);
  });

  it.each<[string, Record<number, Written>, Written]>([
    ["of another user", { 600: { uid: 1001 } }, {}],
    ["of the same user, elsewhere", { 600: { uid: 1000 } }, {}],
    [
      "of another user in the same service",
      { 600: { uid: 1001, cgroup: "/s/hub.service" } },
      { cgroup: "/s/hub.service" },
    ],
    ["of another user in the same session", { 600: { uid: 1001, session: 77 } }, { session: 77 }],
    [
      "of another container",
      { 600: { cgroup: `/docker/${HEX.replace("0", "f")}` } },
      { cgroup: `/docker/${HEX}` },
    ],
    [
      "that runs the container",
      { 400: { uid: 0, startTicks: 400 }, 600: { ppid: 400, uid: 0 } },
      { ppid: 400, uid: 0, cgroup: `/docker/${HEX}` },
    ],
    [
      "that root started as the node's own",
      { 400: { uid: 0, startTicks: 9 }, 600: { ppid: 400, uid: 0 } },
      { ppid: 400, uid: 0 },
    ],
    ["whose children began before it did", { 600: { ppid: 500, startTicks: 499, session: 5 } }, {}],
    [
      "of the kernel",
      {
        2: { flags: 0x20_0000, ppid: 0, session: 0 },
        600: { flags: 0x20_0000, ppid: 2, session: 0 },
      },
      { session: 0 },
    ],
  ])("has no process %s", (_, others, holder) => {
    expect(around(others, holder)).toEqual([]);
  });

  it("remembers where a process came from whose parents are gone", () => {
    const tree = writtenProc();
    tree.write(500);
    tree.write(501, { ppid: 500, session: 501 });
    const scan = scanner(tree);
    expect(scan([named(500)]).pids).toEqual([501]);
    // `setsid` twice and `fork` twice: nothing but its past leads to it.
    tree.write(501, { ppid: 1, session: 501 });
    expect(scan([named(500)]).pids).toEqual([501]);
  });

  it("leaves the agent and what it started out, also where that shares a session", () => {
    const tree = writtenProc();
    tree.write(500, { session: 77 });
    tree.write(600, { session: 77, fds: GPU });
    tree.write(601, { ppid: 600, session: 77, fds: GPU });
    expect(scanner(tree, { selfPid: 600 })([named(500)]).pids).toEqual([]);
  });

  it("is told nearest first up to a bound, the rest counted", () => {
    const tree = writtenProc();
    tree.write(500);
    for (let pid = 501; pid <= 505; pid += 1) tree.write(pid, { ppid: pid - 1 });
    const most = scanner(tree, { maxProcesses: 3 })([named(500)]);
    expect(most.pids).toEqual([501, 502]);
    expect(most.detail).toContain("3 processes of the trees too many to tell");
    const all = scanner(tree, { maxProcesses: 6 })([named(500)]);
    expect(all.pids).toEqual([501, 502, 503, 504, 505]);
    expect(all.detail).not.toContain("too many");
  });

  it("is empty where nobody holds a GPU, and that is told", () => {
    const tree = writtenProc();
    tree.write(500);
    expect(scanner(tree)()).toMatchObject({ list: [], sockets: [] });
  });
});

describe("holders that no driver names", () => {
  it.each([
    ["/dev/nvidia0", true],
    ["/dev/nvidia15", true],
    ["/dev/nvidiactl", true],
    ["/dev/nvidia-uvm", true],
    ["/dev/dri/renderD128", true],
    ["/dev/kfd", true],
    ["/dev/dxg", true],
    ["/dev/dri/card0", false],
    ["/dev/null", false],
    ["/home/x/dev/nvidia0", false],
    ["/dev/nvidiafoo", false],
  ])("are found by the open file %s: %s", (link, isHolder) => {
    const tree = writtenProc();
    tree.write(500, { fds: { "0": "/dev/null", "1": link } });
    const { list } = scanner(tree)();
    expect(list.map(({ pid, holdsDevice }) => [pid, holdsDevice])).toEqual(
      isHolder ? [[500, true]] : [],
    );
  });

  it("are let go when they close it", () => {
    const tree = writtenProc();
    tree.write(500, { fds: GPU });
    const scan = scanner(tree);
    expect(scan().pids).toEqual([500]);
    tree.write(500, { fds: {} });
    scan();
    expect(scan().pids).toEqual([]);
  });

  it("are all found in time, however many others there are", () => {
    const tree = writtenProc();
    const fds = Object.fromEntries(Array.from({ length: 20 }, (_, fd) => [fd, "/dev/null"]));
    for (let pid = 1000; pid < 1400; pid += 1) tree.write(pid, { fds, startTicks: pid });
    tree.write(1001, { fds: { ...fds, ...GPU }, startTicks: 1001 });
    const scan = scanner(tree);
    expect(scan().detail).toContain("still looking");
    for (let more = 0; more < 12; more += 1) scan();
    expect(scan()).toMatchObject({ pids: [1001], detail: expect.not.stringContaining("still") });
  });
});
