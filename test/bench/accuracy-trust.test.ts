import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  detectionFigures,
  detectionOf,
  type KnownSaid,
  miningRuns,
} from "../../bench/accuracy/detection.ts";
import { bootstrapUpper, falseMiningOf, noEventShare } from "../../bench/accuracy/false-mining.ts";
import type { Piece } from "../../bench/accuracy/overlay.ts";
import { reliabilityOf } from "../../bench/accuracy/reliability.ts";
import type { Truth } from "../../bench/accuracy/truth.ts";
import { type Label } from "../../src/model/label.ts";
import { seeded } from "../support/seeded.ts";

const piece = (rest: Partial<Piece>): Piece => ({
  recording: "r",
  family: "f",
  gpu: 0,
  seconds: 10,
  truth: "training-like",
  said: "training-like",
  ...rest,
});

describe("how far a confidence can be trusted", () => {
  it("is the mean distance of confidence and share right, by GPU-seconds", () => {
    const { bins, expectedError } = reliabilityOf([
      piece({ confidence: 0.55, seconds: 30 }),
      piece({ confidence: 0.57, seconds: 10, said: "other" }),
      piece({ confidence: 1, seconds: 60 }),
    ]);
    expect(bins[5]).toMatchObject({ seconds: 40, accuracy: 0.75 });
    expect(bins[5]?.meanConfidence).toBeCloseTo((0.55 * 30 + 0.57 * 10) / 40, 12);
    expect(bins[9]).toMatchObject({ seconds: 60, accuracy: 1, meanConfidence: 1 });
    expect(expectedError).toBeCloseTo((30 - (0.55 * 30 + 0.57 * 10)) / 100, 12);
  });

  it("leaves out what came without a confidence, and is not known without any", () => {
    expect(reliabilityOf([piece({})])).toMatchObject({ seconds: 0, expectedError: undefined });
  });

  it("lies between 0 and 1 and its bins hold every second once", () => {
    const any = fc.record({
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      right: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1 }), (claims) => {
        const pieces = claims.map(({ confidence, right }) =>
          piece({ confidence, said: right ? "training-like" : "other" }),
        );
        const { bins, expectedError } = reliabilityOf(pieces);
        expect(bins.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(10 * claims.length);
        expect(expectedError).toBeGreaterThanOrEqual(0);
        expect(expectedError).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("false accusations", () => {
  const runs = (falseSeconds: readonly number[]): Piece[] =>
    falseSeconds.flatMap((seconds, i) => [
      piece({ recording: `r${i}`, family: `f${i % 2}`, seconds: 3600 - seconds }),
      piece({ recording: `r${i}`, family: `f${i % 2}`, seconds, said: "mining-like" }),
    ]);

  it("are a rate of GPU-seconds in 1,000 GPU-hours of work that was none", () => {
    const found = falseMiningOf([...runs([36, 0]), piece({ truth: "mining-like" })], seeded(1));
    expect(found).toMatchObject({ falseSeconds: 36, otherSeconds: 7200, runsWithAny: 1 });
    expect(found?.per1000Hours).toBeCloseTo(18_000, 6);
    expect(found?.upperPer1000Hours).toBeGreaterThanOrEqual(18_000);
  });

  it("that were not seen are bounded by the number of runs, and not by their length", () => {
    const bound = (count: number, seconds: number) =>
      falseMiningOf(
        Array.from({ length: count }, (_, i) => piece({ recording: `r${i}`, seconds })),
        seeded(1),
      );
    expect(bound(12, 10)).toMatchObject({ method: "no-event", per1000Hours: 0, runs: 12 });
    expect(bound(12, 10)?.upperPer1000Hours).toBe(bound(12, 1e6)?.upperPer1000Hours);
    expect(bound(24, 10)?.upperShareOfRuns).toBeLessThan(bound(12, 10)?.upperShareOfRuns ?? 0);
  });

  it("with n clean runs p is bounded where (1 - p)^n is 2.5 %", () => {
    expect((1 - noEventShare(12)) ** 12).toBeCloseTo(0.025, 12);
    expect(noEventShare(1000)).toBeCloseTo(3.689 / 1000, 4);
  });

  it("come with the same interval for the same seed, in any order, and another for another seed", () => {
    const pieces = runs([36, 0, 5, 0, 0, 400]);
    const upper = (of: readonly Piece[], seed: number) =>
      falseMiningOf(of, seeded(seed))?.upperPer1000Hours;
    expect(upper(pieces, 7)).toBe(upper(pieces, 7));
    expect(upper(pieces.toReversed(), 7)).toBe(upper(pieces, 7));
    const clusters = [1, 2, 3, 50, 80].map((falseSeconds, i) => ({
      falseSeconds,
      otherSeconds: 100 + 17 * i,
    }));
    const draws = [1, 2, 3, 4].map((seed) => bootstrapUpper(clusters, seeded(seed)));
    expect(new Set(draws).size).toBeGreaterThan(1);
  });

  it("in every run alike leave nothing to draw: the interval is the rate", () => {
    expect(falseMiningOf(runs([36, 36, 36]), seeded(1))?.upperPer1000Hours).toBeCloseTo(36_000, 6);
  });

  it("cannot be had where all of it was mining", () => {
    expect(falseMiningOf([piece({ truth: "mining-like" })], seeded(1))).toBeUndefined();
  });
});

describe("time to detect", () => {
  const line = (from: number, to: number, label: Label, gpu = 0): Truth => ({
    kind: "truth",
    gpu,
    from,
    to,
    label,
    labels: undefined,
    family: "sha",
    pid: undefined,
  });
  const verdict = (from: number, label: Label, knownAt: number, gpu = 0): KnownSaid => ({
    gpu,
    from,
    to: from + 10,
    label,
    knownAt,
  });

  it("runs from the start of the truth to when the verdict was known, provisional and final apart", () => {
    const [run] = miningRuns("r", [line(104, 200, "mining-like")]);
    if (!run) throw new Error("no run");
    const windows = [verdict(100, "unknown", 110), verdict(110, "mining-like", 120)];
    const final = [verdict(110, "mining-like", 130)];
    expect(detectionOf(run, windows, final)).toEqual({
      family: "sha",
      provisionalSeconds: 16,
      finalSeconds: 26,
    });
  });

  it("an accusation before the mining, after it, or of another device detects nothing", () => {
    const [run] = miningRuns("r", [line(104, 200, "mining-like")]);
    if (!run) throw new Error("no run");
    const elsewhere = [
      verdict(90, "mining-like", 100),
      verdict(200, "mining-like", 210),
      verdict(110, "mining-like", 120, 1),
    ];
    expect(detectionOf(run, elsewhere, []).provisionalSeconds).toBeUndefined();
  });

  it("lines that follow each other at once are one run, those of other devices and after a break another", () => {
    const lines = [
      line(0, 50, "mining-like"),
      line(55, 90, "mining-like"),
      line(120, 130, "mining-like"),
    ];
    const runs = miningRuns("r", [...lines, line(0, 90, "mining-like", 1), line(0, 9, "idle")]);
    expect(runs.map(({ gpu, from, to }) => [gpu, from, to])).toEqual([
      [0, 0, 90],
      [1, 0, 90],
      [0, 120, 130],
    ]);
  });

  it("a run that is never detected is later than any other", () => {
    const found = [10, 20, undefined].map((seconds) => ({
      family: "sha",
      provisionalSeconds: seconds,
      finalSeconds: seconds === 10 ? 40 : undefined,
    }));
    expect(detectionFigures(found)).toEqual({
      runs: 3,
      provisional: {
        medianSeconds: 20,
        worstSeconds: undefined,
        never: 1,
        within30s: 2,
        within120s: 2,
      },
      final: {
        medianSeconds: undefined,
        worstSeconds: undefined,
        never: 2,
        within30s: 0,
        within120s: 1,
      },
    });
    expect(detectionFigures([])).toBeUndefined();
  });
});
