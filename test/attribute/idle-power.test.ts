import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ownership } from "../../src/attribute/ownership.ts";
import { IdlePower } from "../../src/attribute/idle-power.ts";
import { clip, type Interval } from "../../src/attribute/intervals.ts";
import { attribute } from "../../src/attribute/shares.ts";
import { ownerKey } from "../../src/model/owner.ts";
import type { GpuSample, ProcessSample, ProcessSighting } from "../../src/model/sample.ts";
import { brokenShareLaw } from "../../src/model/slice.ts";
import { intervalsOf, listAt, listsOf, SERVER, shareOut, everySecond } from "./support/rig.ts";

function interval(
  fromMs: number,
  watts: number | undefined,
  more: Partial<GpuSample> = {},
): Interval {
  const sample: GpuSample = { kind: "gpu", gpu: 0, atMs: fromMs + 1000, gpuUtil: 0, ...more };
  const energyMj = watts === undefined ? undefined : watts * 1000;
  const activity = (sample.gpuUtil ?? 0) < 0.05 ? "idle" : "busy";
  return { fromMs, toMs: fromMs + 1000, activity, energyMj, sample };
}

/** So many seconds of rest, from `from` on. */
function rest(power: IdlePower, from: number, seconds: number, watts: number, more = {}): void {
  for (let i = 0; i < seconds; i += 1) power.note(interval((from + i) * 1000, watts, more));
}

describe("what a device draws at rest", () => {
  it("is not known before enough of it was seen, on both sides of enough", () => {
    const power = new IdlePower();
    // Five seconds to settle, and five values of one second each.
    rest(power, 0, 9, 70);
    expect(power.watts).toBeUndefined();
    expect(power.partOf(interval(9000, 70))).toBeUndefined();
    rest(power, 9, 1, 70);
    expect(power.watts).toBe(70);
  });

  it("is learnt from rest alone, and not while clocks still fall", () => {
    const power = new IdlePower();
    rest(power, 0, 30, 70);
    power.note(interval(30_000, 400, { gpuUtil: 1 }));
    rest(power, 31, 5, 40);
    expect(power.watts).toBe(70);
    rest(power, 36, 5, 60);
    expect(power.watts).toBeCloseTo(60);
  });

  it("is that of nobody's memory held, once that was seen", () => {
    const power = new IdlePower();
    rest(power, 0, 30, 115, { memUsedBytes: 40e9 });
    expect(power.watts).toBe(115);
    rest(power, 30, 10, 71, { memUsedBytes: 0.5e9 });
    expect(power.watts).toBe(71);
    rest(power, 40, 2000, 115, { memUsedBytes: 40e9 });
    expect(power.watts).toBe(71);
  });

  it("is not thrown by single readings, low or high", () => {
    const power = new IdlePower();
    for (let i = 0; i < 100; i += 1) rest(power, i, 1, i % 25 === 0 ? 3 : i % 10 === 0 ? 300 : 70);
    expect(power.watts).toBe(70);
  });

  it("needs power: rest that was not measured is none of 0 W", () => {
    const power = new IdlePower();
    for (let i = 0; i < 60; i += 1) power.note(interval(i * 1000, undefined));
    expect(power.watts).toBeUndefined();
  });

  it("follows what changes, in bounded memory", () => {
    const power = new IdlePower();
    rest(power, 0, 600, 70);
    rest(power, 600, 5000, 90);
    expect(power.watts).toBe(90);
    expect(JSON.stringify(power).length).toBeLessThan(10_000);
  });
});

describe("energy of an interval at work", () => {
  const busy = everySecond(() => ({ gpuUtil: 0.9, powerWatts: 300 }));
  const lists = listsOf([
    { pid: 1, user: "alice", smUtil: 0.6 },
    { pid: 2, user: "bob", smUtil: 0.3 },
  ]);
  const shares = (idleEnergyMj: number | undefined) => {
    const intervals = intervalsOf(busy).map((each) => ({ ...each, idleEnergyMj }));
    return shareOut(busy, lists, { intervals });
  };

  it("has its idle part split like its time", () => {
    expect(
      shares(70_000).map(({ timeMs, energyMj, idleEnergyMj }) => [timeMs, energyMj, idleEnergyMj]),
    ).toEqual([
      [6670, 2_000_000, 466_670],
      [3330, 1_000_000, 233_330],
    ]);
  });

  it("has none where it is not known", () => {
    for (const share of shares(undefined)) expect(share).not.toHaveProperty("idleEnergyMj");
  });

  it("is idle as a whole where nobody worked, whether or not rest was learnt", () => {
    const [share] = shareOut(
      everySecond(() => ({ gpuUtil: 0, powerWatts: 80 })),
      [],
    );
    expect(share).toMatchObject({
      owner: { kind: "idle" },
      energyMj: 800_000,
      idleEnergyMj: 800_000,
    });
  });

  it("is known of a share where it is known of all of it", () => {
    const intervals = intervalsOf(busy).map((each, i) =>
      i === 3 ? each : { ...each, idleEnergyMj: 70_000 },
    );
    for (const share of shareOut(busy, lists, { intervals }))
      expect(share).not.toHaveProperty("idleEnergyMj");
  });
});

describe("for any intervals, lists and cuts", () => {
  const process: fc.Arbitrary<ProcessSighting> = fc.record(
    {
      pid: fc.integer({ min: 90, max: 100 }),
      user: fc.constantFrom("alice", "bob", "eve"),
      exe: fc.constantFrom(SERVER.exe ?? "", "/usr/bin/python3"),
      smUtil: fc.double({ min: -0.5, max: 2, noNaN: true }),
      memUsedBytes: fc.nat(80_000_000_000),
      exited: fc.boolean(),
      unlisted: fc.boolean(),
      startTimeMs: fc.nat(30_000),
    },
    { requiredKeys: ["pid"] },
  );
  const step = fc.record({
    stepMs: fc.integer({ min: 1, max: 4000 }),
    gpuUtil: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    powerWatts: fc.option(fc.double({ min: 0, max: 700, noNaN: true }), { nil: undefined }),
    idle: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    list: fc.option(fc.array(process, { maxLength: 5 }), { nil: undefined }),
    partial: fc.boolean(),
  });
  const run = fc.record({
    fromMs: fc.nat(20_000),
    lengthMs: fc.double({ min: 0, max: 900, noNaN: true }),
  });

  const total = (all: readonly { energyMj?: number | undefined }[]): number =>
    all.reduce((sum, { energyMj = 0 }) => sum + energyMj, 0);
  const idleOf = (all: readonly { idleEnergyMj?: number | undefined }[]): number =>
    all.reduce((sum, { idleEnergyMj = 0 }) => sum + idleEnergyMj, 0);

  it("parts sum to the whole in time, energy and idle energy, and none is idle beyond its energy", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(run, { maxLength: 4 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 29_999 }), { maxLength: 4 }),
        (steps, probes, cuts) => {
          let atMs = 0;
          const samples: GpuSample[] = [{ kind: "gpu", gpu: 0, atMs: 0 }];
          const lists: ProcessSample[] = [];
          const idles: (number | undefined)[] = [];
          for (const { stepMs, gpuUtil, powerWatts, idle, list, partial } of steps) {
            atMs += stepMs;
            if (atMs > 30_000) break;
            samples.push({ kind: "gpu", gpu: 0, atMs, gpuUtil, powerWatts });
            idles.push(idle);
            if (list) lists.push(listAt(atMs, list, { partial }));
          }
          const intervals = intervalsOf(samples).map((each, i): Interval => {
            const [share, { energyMj }] = [idles[i], each];
            const known = share !== undefined && energyMj !== undefined;
            return known ? { ...each, idleEnergyMj: Math.round(share * energyMj) } : each;
          });
          const runs = probes
            .toSorted((a, b) => a.fromMs - b.fromMs)
            .map(({ fromMs, lengthMs }) => ({ fromMs, toMs: fromMs + lengthMs }));
          const own = { runs, beforeMs: 0, pids: new Set([95]) };
          const edges = [0, ...cuts.sort((a, b) => a - b), 30_000];
          const all = edges.slice(0, -1).flatMap((fromMs, i) => {
            const window = { fromMs, toMs: edges[i + 1] ?? 30_000 };
            const input = {
              window,
              intervals,
              processes: lists,
              ownerOf: new Ownership().besides(new Set([96])),
              own,
            };
            const shares = attribute(input);
            expect(brokenShareLaw(window, shares)).toBeUndefined();
            for (const { energyMj, idleEnergyMj = 0 } of shares)
              expect(idleEnergyMj).toBeLessThanOrEqual(energyMj ?? 0);
            // Within a window of which all is known, the idle parts are the device's own.
            const inside = intervals.flatMap((each) => clip(each, window) ?? []);
            const rested = shares.some(({ owner }) => owner.kind === "idle");
            const isKnown = inside.every(
              (each) => each.energyMj === undefined || each.idleEnergyMj !== undefined,
            );
            if (isKnown && !rested) expect(idleOf(shares)).toBe(idleOf(inside));
            return shares;
          });
          expect(total(all)).toBe(total(intervals));
          // However the windows are cut, the parts of an interval are its whole.
          const pieces = intervals.flatMap((each) =>
            edges.flatMap(
              (fromMs, i) => clip(each, { fromMs, toMs: edges[i + 1] ?? fromMs }) ?? [],
            ),
          );
          expect(idleOf(pieces)).toBe(idleOf(intervals));
          for (const share of all)
            if (share.unexplained) expect(ownerKey(share.owner)).toBe("unattributed");
        },
      ),
      { numRuns: 300 },
    );
  });
});
