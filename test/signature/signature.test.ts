import { describe, expect, it } from "vitest";
import type { Calibration } from "../../src/model/calibration.ts";
import type { GpuInfo, GpuSample } from "../../src/model/sample.ts";
import { lockstep, PowerCourse } from "../../src/signature/lockstep.ts";
import { deviceScale, matchesModel } from "../../src/signature/scale.ts";
import { signatureOf, type SignatureInput } from "../../src/signature/signature.ts";
import { spread } from "../../src/signature/statistics.ts";

const window = { fromMs: 0, toMs: 10_000 };
const samples = (reading: (i: number) => Partial<GpuSample>, count = 10): GpuSample[] =>
  Array.from({ length: count }, (_, i) => ({
    kind: "gpu",
    gpu: 0,
    atMs: (i + 1) * 1000,
    ...reading(i),
  }));

const courseOf = (list: readonly GpuSample[]): PowerCourse => {
  const course = new PowerCourse(1000);
  for (const sample of list) course.add(sample);
  return course;
};

const sign = (list: readonly GpuSample[], more: Partial<SignatureInput> = {}) =>
  signatureOf({
    gpuUuid: "GPU-1",
    window,
    samples: list,
    busy: list.filter((sample) => (sample.gpuUtil ?? 0) >= 0.05),
    power: courseOf(list),
    peers: [],
    coveredMs: 10_000,
    scale: { origin: "public-limits", idlePowerWatts: 50, fullPowerWatts: 450, memoryBytes: 100 },
    ...more,
  });

describe("a signature", () => {
  it("takes intensities over the busy samples and rhythm over all of them", () => {
    const { features } = sign(
      samples((i) => ({ gpuUtil: i < 5 ? 0 : 0.8, powerWatts: i < 5 ? 50 : 250 })),
    );
    expect(features.gpuUtil).toBeCloseTo(0.8);
    expect(features.powerLevel).toBeCloseTo(0.5);
    expect(features.zeroUtilShare).toBeCloseTo(0.5);
    expect(features.gpuUtilSpread).toBeCloseTo(0.4);
  });

  it("never turns what was not measured into zero", () => {
    const { features } = sign(samples(() => ({ gpuUtil: 1 })));
    const measured = Object.entries(features).filter(([, value]) => value !== undefined);
    expect(measured.map(([name]) => name).sort()).toEqual([
      "gpuUtil",
      "gpuUtilSpread",
      "zeroUtilShare",
    ]);
  });

  describe("of what the driver buffered", () => {
    const buffer = (signal: string, values: number[], more: object = {}) => ({
      kind: "samples" as const,
      atMs: 10_000,
      gpu: 0,
      signal,
      unit: "W",
      fromMs: 0,
      offsetsMs: values.map((_, i) => (i * 10_000) / values.length),
      values,
      ...more,
    });
    const swing = (low: number, high: number, count = 50): number[] =>
      Array.from({ length: count }, (_, i) => (i % 2 === 0 ? low : high));
    // Once a second the device reads the same: what happens in between only the driver saw.
    const steady = samples(() => ({ gpuUtil: 0.5, powerWatts: 200 }));

    it("sees the swing that one reading a second averages out", () => {
      const driver = [buffer("power", swing(100, 300)), buffer("gpuUtil", swing(0, 1))];
      const { features } = sign(steady, { driver });
      // What never moves says nothing of movement.
      expect(features.powerVariation).toBeUndefined();
      expect(features.finePowerVariation).toBeCloseTo(0.5);
      expect(features.fineGpuUtilSpread).toBeCloseTo(0.5);
      expect(features.fineZeroUtilShare).toBeCloseTo(0.5);
    });

    it.each([
      [20, 0.5],
      [19, undefined],
    ])("says nothing of fewer than two values a second: %s in ten", (count, variation) => {
      const { features } = sign(steady, { driver: [buffer("power", swing(100, 300, count))] });
      if (variation === undefined) expect(features.finePowerVariation).toBeUndefined();
      else expect(features.finePowerVariation).toBeCloseTo(variation, 1);
    });

    it("leaves out what lies before and after the window", () => {
      const early = buffer("power", swing(1, 900), { fromMs: -10_000 });
      const late = buffer("power", swing(1, 900), { fromMs: 10_000 });
      const { features } = sign(steady, {
        driver: [early, buffer("power", swing(200, 200)), late],
      });
      expect(features.finePowerVariation).toBe(0);
    });

    it("is absent without one", () => {
      expect(sign(steady).features.finePowerVariation).toBeUndefined();
    });
  });

  it("has no power level on a device whose limits nobody knows", () => {
    const { features, scale } = sign(
      samples(() => ({ gpuUtil: 1, powerWatts: 100 })),
      { scale: { origin: "none" } },
    );
    expect([features.powerLevel, scale]).toEqual([undefined, "none"]);
  });
});

describe("lockstep", () => {
  const busy = (phase: (i: number) => number) =>
    Array.from({ length: 30 }, (_, i): GpuSample => ({
      kind: "gpu",
      gpu: 0,
      atMs: i * 1000,
      powerWatts: 300 + 50 * phase(i),
    }));
  const step = busy((i) => Math.sin(i));
  const compare = (own: readonly GpuSample[], ...peers: (readonly GpuSample[])[]) =>
    lockstep(courseOf(own), peers.map(courseOf), 30_000);

  it("is near 1 for devices that step together and near 0 for those that do not", () => {
    expect(
      compare(
        step,
        busy((i) => Math.sin(i) * 0.5),
      ),
    ).toBeGreaterThan(0.99);
    expect(
      Math.abs(
        compare(
          step,
          busy((i) => Math.cos(i * 2.7)),
        ) ?? 1,
      ),
    ).toBeLessThan(0.4);
  });

  it("says nothing without a peer, with too few points, or of a steady device", () => {
    expect(compare(step)).toBeUndefined();
    expect(compare(step.slice(-19), step)).toBeUndefined();
    expect(compare(step.slice(-20), step)).toBeDefined();
    expect(
      compare(
        step,
        busy(() => 1),
      ),
    ).toBeUndefined();
  });
});

describe("the scale of a device", () => {
  const gpu: GpuInfo = { index: 0, uuid: "GPU-1", model: "NVIDIA H100 80GB HBM3" };
  const limits = [{ model: "NVIDIA H100*", boardPowerWatts: 700 }];
  const calibration = (over: Partial<Calibration>): Calibration => ({
    gpuUuid: "GPU-1",
    adapter: "a",
    deviceMatch: "pid-seen",
    kernel: "sha256d",
    atMs: 0,
    durationSeconds: 1,
    ratePerSecond: 1,
    unit: "hash/s",
    software: false,
    telemetry: {},
    baseline: { powerWatts: 70 },
    ...over,
  });

  it("is its own calibration, else its model's limits, else none", () => {
    expect(deviceScale(gpu, limits, [calibration({})])).toMatchObject({
      origin: "calibrated",
      idlePowerWatts: 70,
      fullPowerWatts: 700,
    });
    expect(deviceScale(gpu, limits, [])).toMatchObject({
      origin: "public-limits",
      idlePowerWatts: 87.5,
    });
    expect(deviceScale({ ...gpu, model: "Abacus" }, limits, [])).toMatchObject({ origin: "none" });
  });

  it("never takes a software adapter's, or another device's, calibration for its own", () => {
    for (const other of [calibration({ software: true }), calibration({ gpuUuid: "GPU-2" })])
      expect(deviceScale(gpu, limits, [other]).origin).toBe("public-limits");
  });

  it("prefers the limit the device itself names", () => {
    expect(deviceScale({ ...gpu, powerLimitWatts: 500 }, limits, []).fullPowerWatts).toBe(500);
  });

  it("matches models by pattern, whatever the case", () => {
    expect(matchesModel("*rtx 4090*", "NVIDIA GeForce RTX 4090")).toBe(true);
    expect(matchesModel("Tesla T4", "Tesla T4G")).toBe(false);
    expect(matchesModel("a*b*a", "aba")).toBe(true);
    expect(matchesModel("a*ba", "ba")).toBe(false);
    expect(matchesModel("ab*b", "ab")).toBe(false);
  });
});

describe("statistics", () => {
  it("say nothing of too few values", () => {
    expect([spread([1]), spread([])]).toEqual([undefined, undefined]);
    expect(spread([1, 3])).toBe(1);
  });
});
