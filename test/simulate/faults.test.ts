import { describe, expect, it } from "vitest";
import { EXACT, linesOf, samples, sightings } from "./support.ts";

const START_MS = Date.UTC(2026, 0, 5, 9);
const HASHING = { kind: "mining", algorithm: "compute" };
const DECODING = { kind: "inference", parameters: 1e9, outputTokens: 20 };

function node(more: object = {}): object {
  return { length: "30s", jitter: "0s", processes: "5s", ...more };
}

function seconds(list: readonly { atMs: number }[]): number[] {
  return list.map(({ atMs }) => (atMs - START_MS) / 1000);
}

describe("what goes wrong between a device and its recording", () => {
  it("a gap of the node silences everything, and is told of; one of a device, that device", () => {
    const gaps = [
      { from: "5s", to: "10s", reason: "away" },
      { gpu: 1, from: "20s", to: "30s" },
    ];
    const lines = linesOf({
      node: node(),
      gpus: [{ model: "t4", count: 2 }],
      workloads: [{ ...HASHING }],
      faults: { gaps },
    });
    expect(seconds(samples(lines, 0)).filter((at) => at >= 5 && at < 10)).toEqual([]);
    expect(samples(lines, 0)).toHaveLength(25);
    expect(samples(lines, 1)).toHaveLength(15);
    expect(seconds(sightings(lines, 1))).toEqual([0, 10, 15]);
    expect(lines.filter(({ kind }) => kind === "gap")).toMatchObject([
      { fromMs: START_MS + 5000, toMs: START_MS + 10_000, reason: "away" },
      { gpu: 1, toMs: START_MS + 30_000 },
    ]);
  });

  it("readings are lost at the rate that was asked for, and none without", () => {
    const spec = { node: node({ length: "300s" }), gpus: [{ model: "t4" }] };
    expect(samples(linesOf(spec), 0)).toHaveLength(300);
    const lost = 300 - samples(linesOf({ ...spec, faults: { drops: 0.2 } }), 0).length;
    expect(lost).toBeGreaterThan(35);
    expect(lost).toBeLessThan(85);
  });

  it("a stuck sensor holds its reading, or the one it was given, and the others go on", () => {
    const stuck = [
      { gpu: 0, quantity: "powerWatts", from: "10s", to: "20s" },
      { gpu: 0, quantity: "tempC", value: 0 },
    ];
    const spec = { node: node(), gpus: [{ model: "t4" }], workloads: [DECODING] };
    const list = samples(linesOf({ ...spec, faults: { stuck } }), 0);
    const sound = samples(linesOf(spec), 0);
    expect(new Set(list.slice(10, 20).map(({ powerWatts }) => powerWatts)).size).toBe(1);
    expect(list.slice(20).map(({ powerWatts }) => powerWatts)).toEqual(
      sound.slice(20).map(({ powerWatts }) => powerWatts),
    );
    expect(new Set(list.map(({ tempC }) => tempC))).toEqual(new Set([0]));
    expect(list.map(({ energyJoules }) => energyJoules)).toEqual(
      sound.map(({ energyJoules }) => energyJoules),
    );
  });

  it("a clock that is held down shows, with its reason, and slows what the clock bounds", () => {
    const clockLimits = [{ gpu: 0, from: "10s", to: "20s", maxMHz: 600, reason: "thermal" }];
    const lines = linesOf({
      node: node(),
      gpus: [{ model: "a100-40gb", sensors: EXACT }],
      workloads: [{ ...HASHING }],
      faults: { clockLimits },
    });
    const [before, during] = [samples(lines, 0)[5], samples(lines, 0)[15]];
    expect(before).toMatchObject({ smClockMHz: 1410, clockEventReasons: 0 });
    expect(during).toMatchObject({ smClockMHz: 600, clockEventReasons: 0x20 });
    expect(during?.powerWatts).toBeLessThan((before?.powerWatts ?? 0) * 0.6);
  });

  it("a wall clock that steps moves all that follows, truth too", () => {
    const lines = linesOf({
      node: node(),
      gpus: [{ model: "t4" }],
      faults: { timeSteps: [{ at: "10s", by: "100s" }] },
    });
    expect(seconds(samples(lines, 0)).slice(8, 12)).toEqual([8, 9, 110, 111]);
    expect(lines.find(({ kind }) => kind === "truth")).toMatchObject({
      fromMs: START_MS,
      toMs: START_MS + 130_000,
    });
  });
});

describe("sensors", () => {
  it("that are renewed more slowly than they are read repeat themselves", () => {
    const noisy = { ...EXACT, powerNoise: 0.01 };
    const spec = (more: object): object => ({
      node: node({ length: "10s", interval: "100ms" }),
      gpus: [{ model: "t4", sensors: more }],
      workloads: [DECODING],
    });
    const distinct = (more: object): number =>
      new Set(samples(linesOf(spec(more)), 0).map(({ powerWatts }) => powerWatts)).size;
    expect(distinct({ ...noisy, powerRefresh: "1s" })).toBeLessThanOrEqual(11);
    expect(distinct(noisy)).toBeGreaterThan(50);
  });

  it("that average come to a new level slowly", () => {
    const spec = {
      node: node({ length: "20s" }),
      gpus: [{ model: "t4", sensors: { ...EXACT, powerAverage: "3s" } }],
      workloads: [{ ...HASHING, from: "5s" }],
    };
    const watts = samples(linesOf(spec), 0).map(({ powerWatts }) => powerWatts ?? 0);
    const [rest = 0, level = 0] = [watts[4], watts[19]];
    expect((watts[8] ?? 0) - rest).toBeCloseTo((level - rest) * 0.63, -1);
  });

  it.each([
    ["full", ["smActive", "energyJoules", "nvlinkRxBytesPerSec"], []],
    ["nvml", ["energyJoules", "memUtil"], ["smActive", "nvlinkRxBytesPerSec"]],
    ["power-and-util", ["powerWatts", "gpuUtil"], ["memUtil", "energyJoules", "tempC"]],
  ])("of %s devices leave out what is not measured", (counters, there, absent) => {
    const lines = linesOf({
      node: node(),
      gpus: [{ model: "t4", counters }],
      workloads: [{ ...HASHING }],
    });
    for (const sample of samples(lines, 0)) {
      for (const name of there) expect(sample).toHaveProperty(name);
      for (const name of absent) expect(sample).not.toHaveProperty(name);
    }
    const seen = sightings(lines, 0).at(-1)?.list[0];
    expect(seen && "smUtil" in seen).toBe(counters !== "power-and-util");
  });
});

describe("duty cycles", () => {
  const at = (duty: object): ReturnType<typeof linesOf> =>
    linesOf({
      node: node({ length: "200s" }),
      gpus: [{ model: "t4" }],
      workloads: [{ ...HASHING, name: "duty", duty }],
    });

  it("work for their share of each period, and say when", () => {
    const lines = at({ period: "20s", share: 0.3 });
    const busy = samples(lines, 0).filter(({ gpuUtil }) => gpuUtil === 1).length;
    expect(busy / 200).toBeCloseTo(0.3, 1);
    const phases = lines.filter((line) => line.kind === "phase");
    expect(phases.slice(0, 3)).toEqual([
      { kind: "phase", atMs: START_MS, on: true, name: "duty" },
      { kind: "phase", atMs: START_MS + 6000, on: false, name: "duty" },
      { kind: "phase", atMs: START_MS + 20_000, on: true, name: "duty" },
    ]);
  });

  it("may come and go by chance", () => {
    const lines = at({ busy: "10s", pause: "10s" });
    const busy = samples(lines, 0).filter(({ gpuUtil }) => gpuUtil === 1).length;
    expect(busy).toBeGreaterThan(40);
    expect(busy).toBeLessThan(160);
  });
});
