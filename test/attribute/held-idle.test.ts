import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Interval, intervalOf } from "../../src/attribute/intervals.ts";
import { Ownership } from "../../src/attribute/ownership.ts";
import { attribute } from "../../src/attribute/shares.ts";
import { holderOf, type Owner, ownerKey, parseOwnerKey } from "../../src/model/owner.ts";
import type { GpuSample, ProcessSample, ProcessSighting } from "../../src/model/sample.ts";
import { brokenShareLaw, type Share } from "../../src/model/slice.ts";

const window = { fromMs: 0, toMs: 10_000 };
const GIB = 1024 ** 3;
const AGENT_PID = 99;

const intervals = (gpuUtil: number): Interval[] => {
  const settings = { intervalMs: 1000, maxGapMs: 3000, idleBelowUtil: 0.05 };
  const samples = Array.from({ length: 11 }, (_, i): GpuSample => ({
    kind: "gpu",
    gpu: 0,
    atMs: i * 1000,
    gpuUtil,
    powerWatts: 100,
  }));
  return samples.flatMap((sample, i) => intervalOf(samples[i - 1], sample, settings) ?? []);
};

const lists = (list: readonly ProcessSighting[]): ProcessSample[] =>
  Array.from({ length: 10 }, (_, i) => ({
    kind: "processes",
    gpu: 0,
    atMs: (i + 1) * 1000,
    list,
  }));

const shareOut = (
  processes: readonly ProcessSample[],
  { gpuUtil = 0, given = [] }: { gpuUtil?: number; given?: readonly Owner[] } = {},
): Share[] =>
  attribute({
    window,
    intervals: intervals(gpuUtil),
    processes,
    given,
    ownerOf: new Ownership().besides(new Set([AGENT_PID])),
  });

const times = (shares: readonly Share[]): Record<string, number> =>
  Object.fromEntries(shares.map((share) => [ownerKey(share.owner), share.timeMs]));

const alice = { pid: 1, user: "alice", memUsedBytes: 3 * GIB };
const bob = { pid: 2, user: "bob", memUsedBytes: GIB };
const job = { kind: "job", id: "slurm:4711" } as const;

describe("a device that does nothing", () => {
  it("is held by the one who has a process on it", () => {
    const [share, ...others] = shareOut(lists([alice]));
    expect(others).toEqual([]);
    expect(share).toMatchObject({ timeMs: 10_000, energyMj: 1_000_000, basis: "device" });
    expect(share && holderOf(share.owner)).toBe("user:alice");
  });

  it("is held by several in proportion to memory, and in equal parts where one does not tell it", () => {
    expect(times(shareOut(lists([alice, bob])))).toEqual({
      "idle:user:alice": 7500,
      "idle:user:bob": 2500,
    });
    expect(times(shareOut(lists([alice, { ...bob, memUsedBytes: undefined }])))).toEqual({
      "idle:user:alice": 5000,
      "idle:user:bob": 5000,
    });
  });

  it("is nobody's where nobody is on it, and where nothing looked", () => {
    expect(times(shareOut(lists([])))).toEqual({ idle: 10_000 });
    expect(times(shareOut([]))).toEqual({ idle: 10_000 });
  });

  it("is not held by the agent's own context, nor by what ended before", () => {
    expect(times(shareOut(lists([{ pid: AGENT_PID, user: "root" }])))).toEqual({ idle: 10_000 });
    const exited = { ...alice, exited: true, startTimeMs: 500 };
    expect(times(shareOut(lists([exited])))).toEqual({ idle: 10_000 });
  });

  it("is held by whom it was given to, with or without a process", () => {
    const given = [job];
    expect(times(shareOut(lists([]), { given }))).toEqual({ "idle:job:slurm:4711": 10_000 });
    expect(times(shareOut([], { given }))).toEqual({ "idle:job:slurm:4711": 10_000 });
    expect(times(shareOut(lists([alice]), { given }))).toEqual({
      "idle:user:alice": 5000,
      "idle:job:slurm:4711": 5000,
    });
  });

  it("counts whom it was given to once, where he has a process on it", () => {
    const given: Owner[] = [{ kind: "user", id: "alice" }];
    expect(times(shareOut(lists([alice, bob]), { given }))).toEqual({
      "idle:user:alice": 7500,
      "idle:user:bob": 2500,
    });
  });
});

describe("a device that works", () => {
  it("belongs to who works, and not to whom it was given", () => {
    const busy = { gpuUtil: 1, given: [job] };
    expect(times(shareOut(lists([{ ...alice, smUtil: 1 }]), busy))).toEqual({
      "user:alice": 10_000,
    });
  });
});

describe("for any holders", () => {
  it("the parts fill the window and the energy, and every holder is found again by his key", () => {
    const holder = fc.record({
      user: fc.constantFrom("alice", "bob", "a:b", "idle", "ä\n"),
      memUsedBytes: fc.option(fc.nat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(holder, { maxLength: 5 }), fc.boolean(), (holders, isGiven) => {
        const processes = lists(holders.map((each, i) => ({ pid: i + 1, ...each })));
        const shares = shareOut(processes, { given: isGiven ? [job] : [] });
        expect(brokenShareLaw(window, shares)).toBeUndefined();
        expect(shares.reduce((sum, { energyMj }) => sum + (energyMj ?? 0), 0)).toBe(1_000_000);
        for (const { owner } of shares) {
          expect(owner.kind).toBe("idle");
          expect(parseOwnerKey(ownerKey(owner))).toEqual(owner);
        }
      }),
    );
  });
});
