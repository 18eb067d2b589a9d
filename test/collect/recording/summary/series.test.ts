import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BoundedCounts,
  BoundedSet,
  LongestStretches,
  OTHERS,
} from "../../../../src/collect/recording/bounded.ts";
import { BucketSeries } from "../../../../src/collect/recording/summary/buckets.ts";
import { GapLog, isAnnounced } from "../../../../src/collect/recording/summary/gap-log.ts";
import { Intervals } from "../../../../src/collect/recording/summary/intervals.ts";
import type { GapObservation } from "../../../../src/model/observation.ts";

const T0 = 1_700_000_000_000;

describe("a series in buckets", () => {
  const samples = fc.array(
    fc.tuple(fc.nat({ max: 5000 }), fc.double({ min: 0, max: 1000, noNaN: true })),
    { minLength: 1, maxLength: 300 },
  );

  it("keeps count, extremes, mean and order of any series in the same few buckets", () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 1000 }), (steps, widthMs) => {
        const series = new BucketSeries(16, widthMs);
        let atMs = T0;
        for (const [stepMs, value] of steps) {
          atMs += stepMs;
          series.add(atMs, value, 1e9);
        }
        const points = series.points();
        const values = steps.map(([, value]) => value);
        const sum = values.reduce((a, b) => a + b, 0);
        expect(points.length).toBeLessThanOrEqual(16);
        expect(points.reduce((n, { count }) => n + count, 0)).toBe(values.length);
        expect(Math.min(...points.map(({ min }) => min))).toBe(Math.min(...values));
        expect(Math.max(...points.map(({ max }) => max))).toBe(Math.max(...values));
        expect(points.reduce((s, { mean, count }) => s + mean * count, 0)).toBeCloseTo(sum, 5);
        for (const [i, point] of points.entries()) {
          expect(point.min).toBeLessThanOrEqual(point.mean + 1e-9);
          expect(point.mean).toBeLessThanOrEqual(point.max + 1e-9);
          if (i > 0) expect(point.fromMs).toBeGreaterThanOrEqual(points[i - 1]?.toMs ?? 0);
        }
        expect(points[0]?.fromMs).toBeLessThanOrEqual(T0 + (steps[0]?.[0] ?? 0));
        expect(points.at(-1)?.toMs).toBeGreaterThan(atMs);
      }),
      { numRuns: 200 },
    );
  });

  it("has at least half its buckets' resolution", () => {
    const series = new BucketSeries(16, 10);
    for (let i = 0; i < 10_000; i += 1) series.add(T0 + i * 10, i, 1e9);
    expect(series.points().length).toBeGreaterThan(8);
  });

  it("marks the point after a hole, also when it coarsens; not one that is no hole", () => {
    const series = new BucketSeries(8, 10);
    for (const ms of [0, 10, 20, 50, 60, 150, 160]) series.add(T0 + ms, 1, 30);
    // Buckets of 40 ms by now: 0 to 20, 50 and 60, 150, 160.
    expect(series.points().map(({ fromMs, afterHole }) => [fromMs - T0, afterHole])).toEqual([
      [0, false],
      [40, false],
      [120, true],
      [160, false],
    ]);
  });

  it("takes what is older than its start into its first bucket", () => {
    const series = new BucketSeries(8, 10);
    series.add(T0, 1, 100);
    series.add(T0 - 5000, 3, 100);
    expect(series.points()).toMatchObject([{ count: 2, mean: 2 }]);
  });

  it("reaches over absurd times", () => {
    const series = new BucketSeries(8, 1);
    series.add(0, 1, 100);
    series.add(9e13, 2, 100);
    expect(series.points().map(({ mean, afterHole }) => [mean, afterHole])).toEqual([
      [1, false],
      [2, true],
    ]);
  });
});

describe("times between samples", () => {
  it("have quantiles that are right to a thousandth, at any size", () => {
    const interval = fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 1e9 }));
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1 }), share, (all, at) => {
        const intervals = new Intervals();
        for (const each of all) intervals.add(each);
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(at * all.length)) - 1] ?? 0;
        const [found = -1] = intervals.quantiles([at]);
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact / 1000);
        expect(intervals.maxMs).toBe(sorted.at(-1));
      }),
    );
  });

  it("are unknown before the first", () => {
    const intervals = new Intervals();
    expect([intervals.maxMs, ...intervals.quantiles([0.5])]).toEqual([undefined, undefined]);
  });
});

describe("what stays small", () => {
  it("counts keys beyond its limit together", () => {
    const counts = new BoundedCounts(2);
    for (const key of ["a", "b", "c", "a", "d", OTHERS]) counts.add(key);
    expect([...counts.counts]).toEqual([
      ["a", 2],
      ["b", 1],
      [OTHERS, 3],
    ]);
  });

  it("says that more were there than it holds, and not before", () => {
    const set = new BoundedSet(2);
    for (const value of [1, 2, 1, 2]) set.add(value);
    expect([set.size, set.isFull]).toEqual([2, false]);
    set.add(3);
    expect([set.size, set.isFull]).toEqual([2, true]);
  });

  it("keeps the longest stretches in order, and counts all", () => {
    const stretches = new LongestStretches(2);
    for (const length of [5, 1, 9, 2, 7, 3]) {
      const fromMs = T0 + length;
      stretches.add({ fromMs, toMs: fromMs + length });
    }
    expect(stretches.list().map(({ fromMs, toMs }) => toMs - fromMs)).toEqual([7, 9]);
    expect([stretches.count, stretches.totalMs]).toEqual([6, 27]);
  });
});

describe("gaps", () => {
  const gap = (
    fromMs: number,
    toMs: number,
    over: Partial<GapObservation> = {},
  ): GapObservation => {
    return { kind: "gap", source: "nvml", reason: "silent", fromMs, toMs, ...over };
  };
  const spans = (gaps: readonly GapObservation[]) => gaps.map(({ fromMs, toMs }) => [fromMs, toMs]);

  it("that touch become one where source, device and reason are the same", () => {
    const log = new GapLog(10);
    log.add(gap(0, 10));
    log.add(gap(10, 20));
    log.add(gap(21, 30));
    log.add(gap(30, 40, { reason: "another" }));
    log.add(gap(30, 40, { gpu: 1 }));
    const { gaps, count } = log.finish();
    expect(count).toBe(4);
    expect(spans(gaps)).toEqual([
      [0, 20],
      [21, 30],
      [30, 40],
      [30, 40],
    ]);
  });

  it("do not change the lines they are made of", () => {
    const line = gap(0, 10);
    const log = new GapLog(10);
    log.add(line);
    log.add(gap(10, 20));
    expect(line.toMs).toBe(10);
  });

  it("of endless sources are counted, and the longest kept", () => {
    const log = new GapLog(3);
    for (let i = 0; i < 1000; i += 1) log.add(gap(i, 2 * i + 1, { source: `s${i}` }));
    const { gaps, count } = log.finish();
    expect(count).toBe(1000);
    expect(spans(gaps)).toEqual([
      [997, 1995],
      [998, 1997],
      [999, 1999],
    ]);
  });

  it("announce a hole they overlap, of their device or of all", () => {
    const hole = { fromMs: 10, toMs: 20 };
    expect(isAnnounced(hole, 0, [gap(0, 11)])).toBe(true);
    expect(isAnnounced(hole, 0, [gap(19, 30, { gpu: 0 })])).toBe(true);
    expect(isAnnounced(hole, 0, [gap(0, 10), gap(20, 30)])).toBe(false);
    expect(isAnnounced(hole, 0, [gap(0, 30, { gpu: 1 })])).toBe(false);
  });
});
