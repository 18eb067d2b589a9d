import { describe, expect, it } from "vitest";
import type { GpuSample } from "../../src/model/sample.ts";
import { plateauVariation } from "../../src/signature/plateau.ts";

const samples = (readings: readonly [util: number, watts: number][], intervalMs = 500) =>
  readings.map(([gpuUtil, powerWatts], i): GpuSample => ({
    kind: "gpu",
    gpu: 0,
    atMs: i * intervalMs,
    gpuUtil,
    powerWatts,
  }));

const of = (list: readonly GpuSample[]) =>
  plateauVariation(
    list,
    list.filter(({ gpuUtil }) => gpuUtil !== 0),
  );

const rest = (count: number): [number, number][] => Array.from({ length: count }, () => [0, 100]);
const work = (count: number, watts = 500): [number, number][] =>
  Array.from({ length: count }, (_, i) => [1, watts + (i % 2)]);

describe("power's variation while a device works", () => {
  it("is that of all readings where it never rests", () => {
    expect(of(samples([...work(5), ...work(5, 400)]))).toBeCloseTo(50 / 450, 3);
  });

  it("leaves out the second after a rest and the second before one", () => {
    // Two readings a second: the sensor is still on its way in the first two and the last two.
    const burst = [...work(2, 300), ...work(6), ...work(2, 300)];
    expect(of(samples([...rest(3), ...burst, ...rest(3)]))).toBeLessThan(0.002);
    const wider = [...work(3, 300), ...work(6), ...work(3, 300)];
    expect(of(samples([...rest(3), ...wider, ...rest(3)]))).toBeGreaterThan(0.1);
  });

  it("is not judged by bursts that are all edge, nor by fewer than five readings", () => {
    expect(
      of(samples([...rest(3), ...work(4), ...rest(3), ...work(4), ...rest(3)])),
    ).toBeUndefined();
    expect(of(samples(work(4)))).toBeUndefined();
    expect(of(samples(work(5)))).toBeLessThan(0.002);
  });
});
