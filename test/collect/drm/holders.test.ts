import { afterEach, describe, expect, it } from "vitest";
import { HolderScan } from "../../../src/collect/drm/holders.ts";
import { radeonClient } from "./cards.ts";
import { makeTree, type OpenFile, type Tree } from "./tree.ts";

const NAMES = {
  nodes: new Set(["card0", "renderD128"]),
  asleepSlots: new Set<string>(),
  asleepNodes: new Set<string>(),
};

let tree: Tree | undefined;
afterEach(() => tree?.dispose());

/** A look at the clock takes a millisecond, so that budgets are used up. */
function rig(processes: number) {
  const made = makeTree();
  tree = made;
  for (let pid = 100; pid < 100 + processes; pid++) made.process(pid);
  const clock = { nowMs: 0, stepMs: 1 };
  const monotonicMs = (): number => (clock.nowMs += clock.stepMs);
  const scan = new HolderScan(made.procRoot, { monotonicMs });
  return { tree: made, clock, scan };
}

describe("a look through all processes", () => {
  it("is spread over as many calls as its budget asks for", () => {
    const { scan } = rig(63);
    let calls = 0;
    for (; !scan.isComplete && calls < 1000; calls++) scan.advance(3, NAMES);
    expect(scan.isComplete).toBe(true);
    // 64 processes of two steps each, and 12 steps a call.
    expect(calls).toBe(11);
  });

  it("is one call where there is time enough", () => {
    const { scan } = rig(63);
    scan.advance(1000, NAMES);
    expect(scan.isComplete).toBe(true);
    expect(scan.obstacle).toBeUndefined();
  });

  it("is not whole before its end", () => {
    const { scan } = rig(63);
    scan.advance(3, NAMES);
    expect(scan.isComplete).toBe(false);
    // Nothing is in the way, though.
    expect(scan.obstacle).toBeUndefined();
  });

  it("takes up a process with very many descriptors where it left it", () => {
    const { tree: made, scan } = rig(0);
    const fds: Record<string, OpenFile> = { "9000": radeonClient(1, 5) };
    for (let fd = 3; fd < 600; fd++) fds[fd] = { link: "socket:[1]" };
    made.process(50, fds);
    scan.advance(3, NAMES);
    expect(scan.isComplete).toBe(false);
    for (let calls = 0; !scan.isComplete && calls < 20; calls++) scan.advance(3, NAMES);
    expect(scan.read(NAMES).map(({ pid }) => pid)).toEqual([50]);
  });

  it("begins five seconds after the last, or sooner when asked to hurry", () => {
    const { tree: made, clock, scan } = rig(3);
    const sees = (): number => {
      scan.advance(1000, NAMES);
      return scan.read(NAMES).length;
    };
    sees();
    made.process(100, { "4": radeonClient(1, 5) });
    clock.nowMs = 4000;
    expect(sees()).toBe(0);
    expect(scan.isFresh).toBe(true);
    scan.hurry();
    expect(scan.isFresh).toBe(false);
    expect(sees()).toBe(1);
    expect(scan.isFresh).toBe(true);
    made.process(101, { "4": radeonClient(2, 5) });
    clock.nowMs = 8900;
    expect(sees()).toBe(1);
    clock.nowMs = 9100;
    expect(sees()).toBe(2);
  });

  it("is answered when all whom the kernel names are looked through and hold a card", () => {
    const { tree: made, clock, scan } = rig(63);
    scan.advance(1000, NAMES);
    made.process(100, { "4": radeonClient(1, 5) });
    const asked = [100, 101, 102].map((pid) => {
      // Within the second in which no new list of processes is made.
      clock.nowMs += 300;
      scan.hurry([pid]);
      const before = scan.isAnswered;
      scan.advance(1, NAMES);
      return [before, scan.isAnswered];
    });
    expect(asked).toEqual([
      [false, true],
      [false, false],
      [false, false],
    ]);
    made.process(102, { "4": radeonClient(2, 5) });
    scan.hurry([100, 102]);
    scan.advance(3, NAMES);
    expect(scan.isAnswered).toBe(true);
    expect(scan.read(NAMES)).toHaveLength(2);
  });

  it("comes less often where it takes long", () => {
    const { tree: made, clock, scan } = rig(63);
    // 32 looks at the clock of 15 ms each: half a second, that may be two per cent of the time.
    clock.stepMs = 15;
    scan.advance(100_000, NAMES);
    clock.stepMs = 1;
    made.process(100, { "4": radeonClient(1, 5) });
    clock.nowMs = 20_000;
    scan.advance(1000, NAMES);
    expect(scan.read(NAMES)).toEqual([]);
    clock.nowMs = 30_000;
    scan.advance(100_000, NAMES);
    expect(scan.read(NAMES)).toHaveLength(1);
  });

  it("finds at once what else a process holds whose descriptor was closed", () => {
    const { tree: made, scan } = rig(0);
    const keys = (): string[] => scan.read(NAMES).map(({ client }) => client.key);
    made.process(50, { "4": radeonClient(1, 5) });
    scan.advance(1000, NAMES);
    expect(keys()).toEqual(["0000:03:00.0/1"]);
    made.process(50, { "4": radeonClient(2, 5), "5": radeonClient(1, 5) });
    expect(keys()).toEqual(["0000:03:00.0/2", "0000:03:00.0/1"]);
    expect(scan.isComplete).toBe(true);
    expect(scan.isFresh).toBe(false);
  });

  it("is not whole while such a process has too many descriptors for one tick", () => {
    const { tree: made, clock, scan } = rig(0);
    const fds: Record<string, OpenFile> = { "9000": radeonClient(2, 5) };
    for (let fd = 3; fd < 600; fd++) fds[fd] = { link: "socket:[1]" };
    made.process(50, { ...fds, "4": radeonClient(1, 5) });
    scan.advance(1000, NAMES);
    expect(scan.read(NAMES)).toHaveLength(2);
    made.process(50, fds);
    expect(scan.read(NAMES)).toEqual([]);
    expect(scan.isComplete).toBe(false);
    clock.nowMs += 1000;
    scan.advance(1000, NAMES);
    expect(scan.isComplete).toBe(true);
    expect(scan.read(NAMES)).toHaveLength(1);
  });
});
