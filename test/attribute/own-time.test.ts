import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Interval, intervalOf } from "../../src/attribute/intervals.ts";
import { NO_OWN_TIME, ownMsIn, type OwnTime } from "../../src/attribute/own-time.ts";
import { Ownership } from "../../src/attribute/ownership.ts";
import { attribute } from "../../src/attribute/shares.ts";
import { ownerKey } from "../../src/model/owner.ts";
import type { GpuSample, ProcessSample, ProcessSighting } from "../../src/model/sample.ts";
import { brokenShareLaw, type Share } from "../../src/model/slice.ts";

const window = { fromMs: 0, toMs: 10_000 };
const OURS = 77;

function intervalsOf(reading: Partial<GpuSample>, stepMs = 1000): Interval[] {
  const samples = Array.from({ length: 10_000 / stepMs + 1 }, (_, i): GpuSample => ({
    kind: "gpu",
    gpu: 0,
    atMs: i * stepMs,
    ...reading,
  }));
  const settings = { intervalMs: stepMs, maxGapMs: 3000, idleBelowUtil: 0.05 };
  return samples
    .map((sample, i) => intervalOf(samples[i - 1], sample, settings))
    .filter((interval) => interval !== undefined);
}

const lists = (list: readonly ProcessSighting[]): ProcessSample[] =>
  Array.from({ length: 10 }, (_, i) => ({
    kind: "processes",
    gpu: 0,
    atMs: (i + 1) * 1000,
    list,
  }));

/** Launches that begin at these times and take this long each. */
const launched = (tookMs: number, ...atMs: readonly number[]): OwnTime => ({
  runs: atMs.map((fromMs) => ({ fromMs, toMs: fromMs + tookMs })),
  beforeMs: 0,
  pids: new Set([OURS]),
});

const shared = (
  reading: Partial<GpuSample>,
  list: readonly ProcessSighting[],
  own: OwnTime | undefined,
): Share[] =>
  attribute({
    window,
    intervals: intervalsOf(reading),
    processes: lists(list),
    ownerOf: new Ownership().besides(new Set([OURS])),
    own,
  });
const times = (shares: readonly Share[]): Record<string, number> =>
  Object.fromEntries(shares.map((share) => [ownerKey(share.owner), share.timeMs]));

const alice = { pid: 1, user: "alice" };
const us = { pid: OURS, user: "root", memUsedBytes: 1e9 };

describe("the agent's share of a window", () => {
  it("is what its launches were measured to take, before the rest is split as ever", () => {
    const shares = shared({ gpuUtil: 1, powerWatts: 400 }, [alice, us], launched(3, 1500, 7500));
    expect(times(shares)).toEqual({ agent: 6, "user:alice": 9994 });
    const agent = shares.find(({ owner }) => owner.kind === "agent");
    expect(agent).toMatchObject({ basis: "own-measurement", energyMj: 2400 });
    expect(shares.reduce((sum, { energyMj = 0 }) => sum + energyMj, 0)).toBe(4_000_000);
  });

  it("is none for holding a context and memory there, whatever the others are weighed by", () => {
    const nothing = launched(0);
    const bob = { pid: 2, user: "bob" };
    const half = { "user:alice": 5000, "user:bob": 5000 };
    expect(times(shared({ gpuUtil: 1 }, [alice, bob, us], nothing))).toEqual(half);
    const holding = [alice, bob].map((each) => ({ ...each, memUsedBytes: 1e9 }));
    expect(times(shared({ gpuUtil: 1 }, [...holding, us], nothing))).toEqual(half);
    const using = [alice, bob].map((each) => ({ ...each, smUtil: 0.4 }));
    const usUsing = { ...us, smUtil: 0.01 };
    expect(times(shared({ gpuUtil: 0.8 }, [...using, usUsing], nothing))).toEqual(half);
  });

  it("is still that of its other processes, which nothing timed (control)", () => {
    const calibrating = { ...launched(0), pids: new Set<number>() };
    expect(times(shared({ gpuUtil: 1 }, [us], calibrating))).toEqual({ agent: 10_000 });
  });

  it("leaves an idle device idle", () => {
    const shares = shared({ gpuUtil: 0.01 }, [us], launched(2, 1500));
    expect(times(shares)).toEqual({ agent: 2, idle: 9998 });
  });
});

describe("a device that only the agent's own launches kept busy", () => {
  const everySecond = launched(20, ...Array.from({ length: 10 }, (_, i) => i * 1000 + 900));

  it("was idle for the rest: our own use is nobody who hides", () => {
    const shares = shared({ gpuUtil: 0.12 }, [us], everySecond);
    expect(times(shares)).toEqual({ agent: 200, idle: 9800 });
  });

  it("shows somebody who hides beside us: use beyond what the launches explain", () => {
    const shares = shared({ gpuUtil: 0.9 }, [us], everySecond);
    expect(times(shares)).toEqual({ agent: 200, unattributed: 9800 });
    expect(shares.map(({ basis }) => basis)).toContain("nobody-seen");
  });

  it("is suspicious as ever where nothing was launched (control)", () => {
    expect(times(shared({ gpuUtil: 0.12 }, [us], launched(0)))).toEqual({ unattributed: 10_000 });
    expect(times(shared({ gpuUtil: 0.12 }, [], undefined))).toEqual({ unattributed: 10_000 });
  });
});

describe("the law of the agent's time", () => {
  const runs = fc.array(
    fc.record({
      afterMs: fc.double({ min: 0, max: 3000, noNaN: true }),
      tookMs: fc.double({ min: 0, max: 40, noNaN: true }),
    }),
    { maxLength: 60 },
  );
  const ownOf = (of: readonly { afterMs: number; tookMs: number }[]): OwnTime => {
    let atMs = 0;
    const made = of.map(({ afterMs, tookMs }) => {
      const fromMs = atMs + afterMs;
      atMs = fromMs + tookMs;
      return { fromMs, toMs: atMs };
    });
    return { runs: made, beforeMs: 0, pids: new Set([OURS]) };
  };

  it("loses and wins less than a millisecond over any cuts, however short each launch", () => {
    fc.assert(
      fc.property(runs, fc.uniqueArray(fc.nat(200_000), { maxLength: 50 }), (of, cuts) => {
        const own = ownOf(of);
        const endMs = Math.ceil(own.runs.at(-1)?.toMs ?? 0);
        const edges = [0, ...cuts.filter((cut) => cut > 0 && cut < endMs), endMs].sort(
          (a, b) => a - b,
        );
        let counted = 0;
        for (const [i, toMs] of edges.entries())
          counted += ownMsIn(own, { fromMs: edges[i - 1] ?? 0, toMs });
        const took = of.reduce((sum, { tookMs }) => sum + tookMs, 0);
        expect(Math.abs(counted - took)).toBeLessThanOrEqual(0.5 + 1e-6);
      }),
    );
  });

  it("counts on from the launches that are forgotten", () => {
    const all: OwnTime = {
      ...NO_OWN_TIME,
      runs: [0, 1, 2].map((s) => ({ fromMs: s * 1000, toMs: s * 1000 + 0.4 })),
    };
    const rest: OwnTime = { ...all, runs: all.runs.slice(1), beforeMs: 0.4 };
    for (const part of [
      { fromMs: 500, toMs: 1500 },
      { fromMs: 1500, toMs: 3000 },
    ])
      expect(ownMsIn(rest, part)).toBe(ownMsIn(all, part));
  });

  it("keeps the law of the window, and the energy to the millijoule", () => {
    const process = fc.record({
      pid: fc.constantFrom(1, 2, OURS),
      user: fc.constantFrom("alice", "bob", undefined),
      smUtil: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      memUsedBytes: fc.option(fc.nat(80_000_000_000), { nil: undefined }),
    });
    const reading = fc.record({
      gpuUtil: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      powerWatts: fc.double({ min: 0, max: 700, noNaN: true }),
    });
    fc.assert(
      fc.property(reading, fc.array(process, { maxLength: 3 }), runs, (read, list, of) => {
        const shares = shared(read, list, ownOf(of));
        expect(brokenShareLaw(window, shares)).toBeUndefined();
        const energy = intervalsOf(read).reduce((sum, { energyMj = 0 }) => sum + energyMj, 0);
        expect(shares.reduce((sum, { energyMj = 0 }) => sum + energyMj, 0)).toBe(energy);
        const agent = shares.find(({ owner }) => owner.kind === "agent");
        expect(agent?.timeMs ?? 0).toBe(ownMsIn(ownOf(of), window));
      }),
    );
  });
});
