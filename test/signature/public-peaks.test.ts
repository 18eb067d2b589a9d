import { describe, expect, it } from "vitest";
import { loadShippedData } from "../../src/config/data.ts";
import { publicPeaks, shareOfPeaks } from "../../src/signature/public-peaks.ts";

const LIMITS = [
  {
    model: "NVIDIA T9*",
    boardPowerWatts: 70,
    f32FlopPerSec: 8e12,
    tensorF16FlopPerSec: 64e12,
    memoryBytesPerSec: 300e9,
  },
  { model: "NVIDIA T1", boardPowerWatts: 70 },
];

describe("the share of a data sheet's peak", () => {
  const peaks = publicPeaks("NVIDIA T9 PCIe", LIMITS);

  it("is the rate times its cost over the peak", () => {
    expect(shareOfPeaks(6e12, { "f32-flop": 1 }, peaks)).toBe(0.75);
    expect(shareOfPeaks(32e12, { "tensor-flop": 1 }, peaks)).toBe(0.5);
  });

  it("is of the resource that it takes most of", () => {
    const triad = { "memory-byte": 1, "f32-flop": 1 / 6 };
    expect(shareOfPeaks(270e9, triad, peaks)).toBe(0.9);
    expect(shareOfPeaks(270e9, { ...triad, "f32-flop": 29 }, peaks)).toBeCloseTo(0.97875);
  });

  it("is not there for what no data sheet tells, and for models that nobody listed", () => {
    expect(shareOfPeaks(1e9, { "int32-op": 3888 }, peaks)).toBeUndefined();
    for (const model of ["NVIDIA T1", "Abacus"])
      expect(shareOfPeaks(6e12, { "f32-flop": 1 }, publicPeaks(model, LIMITS))).toBeUndefined();
  });

  it("finds the shipped table's H200 by the name that its driver gives it", () => {
    const { limits } = loadShippedData();
    expect(publicPeaks("NVIDIA H200", limits)["f32-flop"]).toBeGreaterThan(1e13);
  });
});
