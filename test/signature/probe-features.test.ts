import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PROBE_RESOURCES, type ProbeObservation } from "../../src/model/observation.ts";
import { probeFeatures } from "../../src/signature/probe-features.ts";

const window = { fromMs: 100_000, toMs: 110_000 };
const probe = (over: Partial<ProbeObservation> = {}): ProbeObservation => ({
  kind: "probe",
  atMs: 105_000,
  gpu: 0,
  kernel: "alu-f32",
  durationSeconds: 2e-3,
  work: 1,
  ...over,
});

describe("the features of probes", () => {
  it("are all absent where nothing was launched, or nothing compared", () => {
    for (const probes of [[], [probe()]])
      expect(Object.values(probeFeatures(probes, window)).every((v) => v === undefined)).toBe(true);
  });

  it("are of the window's own probes, on both sides of its edges", () => {
    const queueOf = (atMs: number) =>
      probeFeatures([probe({ atMs, queueSeconds: 1 })], window).probeQueueSeconds;
    expect(queueOf(100_000)).toBeUndefined();
    expect(queueOf(100_001)).toBe(1);
    expect(queueOf(110_000)).toBe(1);
    expect(queueOf(110_001)).toBeUndefined();
  });

  it("are medians: one probe that waited long moves little", () => {
    const probes = [1, 2, 900].map((queueSeconds) => probe({ queueSeconds }));
    expect(probeFeatures(probes, window).probeQueueSeconds).toBe(2);
  });

  it("look back a minute for the spread of the waits, which takes four, if one is of the window", () => {
    const before = [1, 1, 3].map((queueSeconds, i) => probe({ atMs: 50_001 + i, queueSeconds }));
    const now = probe({ queueSeconds: 3 });
    expect(probeFeatures([...before, now], window).probeQueueSpread).toBe(1);
    expect(probeFeatures([...before.slice(1), now], window).probeQueueSpread).toBeUndefined();
    expect(probeFeatures(before, window).probeQueueSpread).toBeUndefined();
    const old = probe({ atMs: 50_000, queueSeconds: 1 });
    expect(probeFeatures([old, ...before.slice(1), now], window).probeQueueSpread).toBeUndefined();
  });

  it("tell slow-downs by resource, and only by their own", () => {
    const slow = (resource: ProbeObservation["resource"], baselineSeconds: number) =>
      probe({ resource, baselineSeconds });
    const all = [slow("alu", 2e-3), slow("memory", 1e-3), slow("gather", 5e-4), slow(undefined, 1)];
    expect(probeFeatures(all, window)).toMatchObject({
      probeSlowdownAlu: 1,
      probeSlowdownMemory: 2,
      probeSlowdownGather: 4,
    });
  });

  it("tell gaps, what the first pass costs more, and the clock from the fastest pass", () => {
    const one = probe({
      resource: "alu",
      gapSeconds: 2e-3,
      firstPassRatio: 1.5,
      fastestPassSeconds: 4e-4,
      baselinePassSeconds: 3e-4,
    });
    const features = probeFeatures([one], window);
    expect(features.probeGapShare).toBe(0.5);
    expect(features.probeColdCost).toBe(0.5);
    expect(features.probeClockLevel).toBeCloseTo(0.75);
  });

  it("are finite and do not depend on the order, whatever was measured", () => {
    const seconds = fc.option(fc.double({ min: 0, max: 60, noNaN: true }), { nil: undefined });
    const any = fc.record({
      kind: fc.constant("probe" as const),
      atMs: fc.integer({ min: 40_000, max: 120_000 }),
      gpu: fc.constant(0),
      kernel: fc.constant("k"),
      work: fc.constant(1),
      durationSeconds: fc.double({ min: 1e-9, max: 60, noNaN: true }),
      resource: fc.constantFrom(...PROBE_RESOURCES, undefined),
      queueSeconds: seconds,
      gapSeconds: seconds,
      baselineSeconds: fc.option(fc.double({ min: 1e-9, max: 60, noNaN: true }), {
        nil: undefined,
      }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (probes) => {
        const features = probeFeatures(probes, window);
        for (const value of Object.values(features))
          expect(value === undefined || Number.isFinite(value)).toBe(true);
        const { probeGapShare: share } = features;
        expect(share === undefined || (share >= 0 && share <= 1)).toBe(true);
        const turned = probeFeatures(probes.toReversed(), window);
        expect(turned.probeQueueSeconds).toBe(features.probeQueueSeconds);
      }),
    );
  });
});
