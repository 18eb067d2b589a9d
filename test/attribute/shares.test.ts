import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Interval, intervalOf } from "../../src/attribute/intervals.ts";
import { Ownership } from "../../src/attribute/ownership.ts";
import { attribute } from "../../src/attribute/shares.ts";
import { ownerKey } from "../../src/model/owner.ts";
import type { GpuSample, ProcessSample, ProcessSighting } from "../../src/model/sample.ts";
import { brokenShareLaw, type Share } from "../../src/model/slice.ts";

const settings = { intervalMs: 1000, maxGapMs: 3000, idleBelowUtil: 0.05 };
const window = { fromMs: 0, toMs: 10_000 };

function intervalsOf(samples: readonly GpuSample[]): Interval[] {
  return samples
    .map((sample, i) => intervalOf(samples[i - 1], sample, settings))
    .filter((interval) => interval !== undefined);
}

const everySecond = (
  reading: (second: number) => Partial<GpuSample>,
  from = 0,
  to = 10,
): GpuSample[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    kind: "gpu",
    gpu: 0,
    atMs: (from + i) * 1000,
    ...reading(from + i),
  }));

const seen = (atMs: number, list: readonly ProcessSighting[]): ProcessSample => ({
  kind: "processes",
  gpu: 0,
  atMs,
  list,
});

function shareOut(
  samples: readonly GpuSample[],
  processes: readonly ProcessSample[] = [],
): Share[] {
  return attribute({
    window,
    intervals: intervalsOf(samples),
    processes,
    ownerOf: new Ownership().besides(new Set([99])),
  });
}

const times = (shares: readonly Share[]): Record<string, number> =>
  Object.fromEntries(shares.map((share) => [ownerKey(share.owner), share.timeMs]));

describe("a window's shares", () => {
  it("split busy time by each process's own use", () => {
    const list = Array.from({ length: 10 }, (_, i) =>
      seen((i + 1) * 1000, [
        { pid: 1, user: "alice", smUtil: 0.6 },
        { pid: 2, user: "bob", smUtil: 0.2 },
      ]),
    );
    const shares = shareOut(
      everySecond(() => ({ gpuUtil: 0.8, powerWatts: 400 })),
      list,
    );
    expect(times(shares)).toEqual({ "user:alice": 7500, "user:bob": 2500 });
    expect(shares.map((share) => share.energyMj)).toEqual([3_000_000, 1_000_000]);
  });

  it("call use that no visible process explains unattributed, and small differences noise", () => {
    const usedBy = (smUtil: number) =>
      shareOut(
        everySecond(() => ({ gpuUtil: 1 })),
        Array.from({ length: 10 }, (_, i) =>
          seen((i + 1) * 1000, [{ pid: 1, user: "alice", smUtil }]),
        ),
      );
    expect(times(usedBy(0.5))).toEqual({ "user:alice": 5000, unattributed: 5000 });
    expect(times(usedBy(0.8))).toEqual({ "user:alice": 10_000 });
  });

  it("let a process list speak for the time around it, on both sides of the limit", () => {
    const basisOf = (listAtMs: number) =>
      shareOut(
        everySecond(() => ({ gpuUtil: 1 }), 9, 10),
        [seen(listAtMs, [{ pid: 1, user: "alice", smUtil: 1 }])],
      ).map((share) => share.basis);
    expect(basisOf(25_000)).toContain("process-utilization");
    expect(basisOf(25_001)).toContain("no-process-source");
  });

  it("tell nobody seen from nobody looked", () => {
    const busy = everySecond(() => ({ gpuUtil: 0.9 }));
    const lists = Array.from({ length: 10 }, (_, i) => seen((i + 1) * 1000, []));
    expect(shareOut(busy, lists).map((share) => share.basis)).toEqual(["nobody-seen"]);
    expect(shareOut(busy).map((share) => share.basis)).toEqual(["no-process-source"]);
  });

  it("give the agent's own pids to the agent", () => {
    const shares = shareOut(
      everySecond(() => ({ gpuUtil: 1 })),
      [seen(5000, [{ pid: 99, user: "root" }])],
    );
    expect(times(shares)).toMatchObject({ agent: expect.any(Number) });
  });

  it("fall back to memory held, then to equal parts, and say so", () => {
    const lists = (memory: [number | undefined, number | undefined]) =>
      Array.from({ length: 10 }, (_, i) =>
        seen((i + 1) * 1000, [
          { pid: 1, user: "alice", memUsedBytes: memory[0] },
          { pid: 2, user: "bob", memUsedBytes: memory[1] },
        ]),
      );
    const busy = everySecond(() => ({ gpuUtil: 1 }));
    const byMemory = shareOut(busy, lists([3e9, 1e9]));
    expect(times(byMemory)).toEqual({ "user:alice": 7500, "user:bob": 2500 });
    expect(byMemory[0]?.basis).toBe("memory-held");
    const equal = shareOut(busy, lists([3e9, undefined]));
    expect(times(equal)).toEqual({ "user:alice": 5000, "user:bob": 5000 });
    expect(equal[0]?.basis).toBe("equal-split");
  });

  it("leave a hole between distant samples unobserved, on both sides of the limit", () => {
    const at = (atMs: number): GpuSample => ({ kind: "gpu", gpu: 0, atMs, gpuUtil: 0 });
    expect(times(shareOut([at(0), at(3000), at(6000), at(9000), at(10_000)]))).toEqual({
      idle: 10_000,
    });
    expect(times(shareOut([at(0), at(3001), at(6001), at(9001), at(10_000)]))).toEqual({
      idle: 7999,
      unobserved: 2001,
    });
  });

  it("keep unmeasured apart from zero: no power is no energy, no activity is unobserved", () => {
    const [share] = shareOut(everySecond(() => ({ gpuUtil: 1 })));
    expect(share).not.toHaveProperty("energyMj", 0);
    expect(share?.energyMj).toBeUndefined();
    expect(times(shareOut(everySecond(() => ({ powerWatts: 80 }))))).toEqual({
      unobserved: 10_000,
    });
  });

  it("prefer the energy counter, and fall back to power where it was reset", () => {
    const counted = shareOut(
      everySecond((s) => ({ gpuUtil: 1, powerWatts: 1, energyJoules: s * 300 })),
    );
    expect(counted[0]?.energyMj).toBe(3_000_000);
    const reset = shareOut(
      everySecond((s) => ({
        gpuUtil: 1,
        powerWatts: 100,
        energyJoules: s < 5 ? 900 + s * 300 : (s - 5) * 300,
      })),
    );
    expect(reset[0]?.energyMj).toBe(9 * 300_000 + 100_000);
  });
});

describe("the law of the window", () => {
  const process = fc.record({
    pid: fc.integer({ min: 90, max: 100 }),
    user: fc.constantFrom("alice", "bob", "eve", undefined),
    smUtil: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    memUsedBytes: fc.option(fc.nat(80_000_000_000), { nil: undefined }),
  });
  const stream = fc.array(
    fc.record({
      stepMs: fc.integer({ min: 1, max: 4000 }),
      gpuUtil: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      powerWatts: fc.option(fc.double({ min: 0, max: 700, noNaN: true }), { nil: undefined }),
      list: fc.option(fc.array(process, { maxLength: 4 }), { nil: undefined }),
    }),
    { maxLength: 60 },
  );

  it("holds for any samples: shares sum to the window, energies to the intervals'", () => {
    fc.assert(
      fc.property(stream, (steps) => {
        let atMs = -5000;
        const samples: GpuSample[] = [];
        const lists: ProcessSample[] = [];
        for (const { stepMs, list, ...reading } of steps) {
          atMs += stepMs;
          samples.push({ kind: "gpu", gpu: 0, atMs, ...reading });
          if (list) lists.push(seen(atMs, list));
        }
        const shares = shareOut(samples, lists);
        expect(brokenShareLaw(window, shares)).toBeUndefined();
        const next = { fromMs: 10_000, toMs: 20_000 };
        const intervals = intervalsOf(samples).filter(
          (interval) => interval.fromMs >= 0 && interval.toMs <= 20_000,
        );
        const two = [window, next].flatMap((each) =>
          attribute({
            window: each,
            intervals,
            processes: lists,
            ownerOf: new Ownership().besides(new Set()),
          }),
        );
        const measured = intervals.filter((i) => i.activity !== "unknown");
        const energy = (sum: number, part: { energyMj?: number | undefined }) =>
          sum + (part.energyMj ?? 0);
        const unknown = intervals.filter((i) => i.activity === "unknown").reduce(energy, 0);
        expect(two.reduce(energy, 0)).toBe(measured.reduce(energy, 0) + unknown);
      }),
    );
  });

  it("does not depend on the order of a process list", () => {
    fc.assert(
      fc.property(fc.array(process, { minLength: 2, maxLength: 5 }), (list) => {
        const busy = everySecond(() => ({ gpuUtil: 0.9, powerWatts: 333 }));
        const lists = (order: readonly ProcessSighting[]) =>
          Array.from({ length: 10 }, (_, i) => seen((i + 1) * 1000, order));
        const sorted = (shares: Share[]) => times(shares);
        expect(sorted(shareOut(busy, lists(list)))).toEqual(
          sorted(shareOut(busy, lists([...list].reverse()))),
        );
      }),
    );
  });
});

describe("the owner of a process", () => {
  const id = "3f2a9c1d5e7b".padEnd(64, "0");
  it("is its container before its user, and its pid when nothing else is known", () => {
    const of = (process: ProcessSighting) => ownerKey(new Ownership().identityOf(process).owner);
    for (const cgroup of [
      `/docker/${id}`,
      `/system.slice/docker-${id}.scope`,
      `/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id}.scope`,
      `/kubepods/burstable/pod1/${id}`,
    ])
      expect(of({ pid: 1, user: "alice", cgroup })).toBe("container:3f2a9c1d5e7b");
    expect(of({ pid: 1, user: "alice", cgroup: "/user.slice/user-1000.slice" })).toBe("user:alice");
    expect(of({ pid: 7 })).toBe("process:7");
  });
});
