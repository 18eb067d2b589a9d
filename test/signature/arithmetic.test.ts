import { describe, expect, it } from "vitest";
import type { GpuReadings, GpuSample } from "../../src/model/sample.ts";
import { PowerCourse } from "../../src/signature/lockstep.ts";
import { signatureOf } from "../../src/signature/signature.ts";

const of = (readings: GpuReadings) => {
  const samples = Array.from({ length: 10 }, (_, i): GpuSample => ({
    kind: "gpu",
    gpu: 0,
    atMs: (i + 1) * 1000,
    gpuUtil: 1,
    ...readings,
  }));
  return signatureOf({
    gpuUuid: "GPU-1",
    window: { fromMs: 0, toMs: 10_000 },
    samples,
    busy: samples,
    power: new PowerCourse(1000),
    peers: [],
    coveredMs: 10_000,
    scale: { origin: "none" },
  }).features;
};

describe("the share of arithmetic on fractions", () => {
  const hashing = { intActive: 0.8, fp32Active: 0, tensorActive: 0 };

  it("is none of a hash function, and most of a model", () => {
    expect(of(hashing).floatShare).toBe(0);
    expect(of(hashing).arithmeticActive).toBeCloseTo(0.8);
    expect(of({ intActive: 0.1, fp32Active: 0.1, tensorActive: 0.6 }).floatShare).toBeCloseTo(
      7 / 8,
    );
  });

  it("is not told where one of the kinds of units was not measured", () => {
    for (const missing of ["intActive", "fp32Active", "tensorActive"] as const) {
      const { floatShare, arithmeticActive } = of({ ...hashing, [missing]: undefined });
      expect([floatShare, arithmeticActive]).toEqual([undefined, undefined]);
    }
  });

  it("is not told of next to no arithmetic", () => {
    expect(of({ ...hashing, intActive: 0.049 }).floatShare).toBeUndefined();
    expect(of({ ...hashing, intActive: 0.051 }).floatShare).toBe(0);
  });

  it("is not told of quantised products, which are of whole numbers and of models", () => {
    const products = { intActive: 0.2, fp32Active: 0.05, tensorActive: 0.6 };
    expect(of({ ...products, immaActive: 0.051 }).floatShare).toBeUndefined();
    expect(of({ ...products, immaActive: 0.049 }).floatShare).toBeDefined();
  });
});

describe("traffic and memory", () => {
  it("of memory is told for the time in which kernels ran", () => {
    expect(of({ memUtil: 0.3, gpuUtil: 0.6 }).memPerUtil).toBeCloseTo(0.5);
    expect(of({ gpuUtil: 0.6 }).memPerUtil).toBeUndefined();
  });

  it("of codecs is that of the busiest engine", () => {
    expect(of({ encUtil: 0.1, decUtil: 0.4 }).codecUtil).toBeCloseTo(0.4);
    expect(of({}).codecUtil).toBeUndefined();
  });
});
