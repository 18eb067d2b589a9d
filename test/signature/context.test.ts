import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GpuSample } from "../../src/model/sample.ts";
import { CONTEXT_MS } from "../../src/model/signature.ts";
import { DeviceContext } from "../../src/signature/context.ts";
import type { DeviceScale } from "../../src/signature/scale.ts";

const SCALE: DeviceScale = {
  origin: "public-limits",
  idlePowerWatts: 100,
  fullPowerWatts: 700,
  memoryBytes: 1000,
};

type Reading = Partial<Pick<GpuSample, "gpuUtil" | "powerWatts" | "memUsedBytes">>;

/** What a device that is read every `intervalMs` shows after `seconds` of such readings. */
function after(
  reading: (second: number, i: number) => Reading,
  { intervalMs = 1000, seconds = 120 } = {},
) {
  const context = new DeviceContext(intervalMs);
  for (let i = 0; i * intervalMs < seconds * 1000; i += 1) {
    const atMs = i * intervalMs;
    const sample: GpuSample = { kind: "gpu", gpu: 0, atMs, ...reading(atMs / 1000, i) };
    const { gpuUtil } = sample;
    context.add(sample, gpuUtil === undefined ? "unknown" : gpuUtil < 0.05 ? "idle" : "busy");
  }
  return context.course(seconds * 1000, SCALE).features;
}

/** A fixed sequence without rhythm: the same in every run. */
const noise = (i: number): number => {
  const x = Math.sin(i * 127.1) * 43_758.545;
  return x - Math.floor(x) - 0.5;
};

describe("steps in the course of power", () => {
  const stepping =
    (periodSeconds: number, depth = 100) =>
    (second: number) => ({
      gpuUtil: 1,
      powerWatts: 500 + depth * Math.sin((2 * Math.PI * second) / periodSeconds),
    });

  it.each([
    [1000, 6, 6],
    [1000, 15, 15],
    [100, 2, 2],
    [100, 0.8, 0.8],
  ])("are found at %i ms between readings with a period of %f s", (intervalMs, period, seen) => {
    const { stepStrength, stepPeriodSeconds } = after(stepping(period), { intervalMs });
    expect(stepStrength).toBeGreaterThan(0.8);
    expect(stepPeriodSeconds).toBeCloseTo(seen, 5);
  });

  it("are not found in noise, whose variation repeats nothing", () => {
    const found = after((_, i) => ({ gpuUtil: 1, powerWatts: 500 + 100 * noise(i) }));
    expect(found.stepStrength).toBeLessThan(0.15);
    expect(found.irregularVariation).toBeCloseTo((100 * Math.sqrt(1 / 12)) / 500, 2);
  });

  it("leave nothing irregular where they are all there is", () => {
    expect(after(stepping(6)).irregularVariation).toBeLessThan(0.08);
  });

  it("are not looked for in a line that sensors cannot tell from level, nor in a few readings", () => {
    expect(after(stepping(6, 1))).toMatchObject({ contextPowerVariation: expect.closeTo(0, 2) });
    expect(after(stepping(6, 1)).stepStrength).toBeUndefined();
    expect(after(stepping(6), { seconds: 39 }).stepStrength).toBeUndefined();
    expect(after(stepping(6), { seconds: 40 }).stepStrength).toBeDefined();
  });

  it("need three periods: a single swing is no rhythm", () => {
    expect(after(stepping(60)).stepStrength).toBeLessThan(0.3);
  });
});

describe("bursts between rests", () => {
  const bursts = (starts: readonly number[], seconds: number, util = 1) =>
    after((second) => {
      const works = starts.some((start) => second >= start && second < start + seconds);
      return { gpuUtil: works ? util : 0, powerWatts: works ? 500 : 100 };
    });

  it("that begin by a clock are regular", () => {
    const found = bursts([5, 25, 45, 65, 85, 105], 6);
    expect(found.burstRegularity).toBe(1);
    expect(found.burstsPerMinute).toBe(3);
    expect(found.stepStrength).toBeUndefined();
  });

  it("that begin at random are not", () => {
    expect(bursts([3, 6, 40, 44, 49, 100, 103], 2).burstRegularity).toBeLessThan(0.3);
  });

  it("are not judged before there are four", () => {
    expect(bursts([5, 25, 45], 6).burstRegularity).toBeUndefined();
    expect(bursts([5, 25, 45, 65], 6).burstRegularity).toBe(1);
  });

  it("are more than a flicker of use", () => {
    const starts = [5, 25, 45, 65];
    expect(bursts(starts, 6, 0.19).burstsPerMinute).toBe(0);
    expect(bursts(starts, 6, 0.2).burstsPerMinute).toBe(2);
  });

  it("do not make the work in them look uneven: their edges are left out", () => {
    const ramp = (second: number): Reading => {
      const into = (second + 10) % 20;
      // The sensor follows with a lag: half way up and half way down at the edges.
      if (into >= 8) return { gpuUtil: 0, powerWatts: 100 };
      return { gpuUtil: 1, powerWatts: into < 1 || into >= 7 ? 300 : 500 + (second % 2) };
    };
    expect(after(ramp).contextPowerVariation).toBeLessThan(0.002);
  });
});

describe("a stall", () => {
  it.each([
    // 15 % of the range from 100 to 700 W is 190 W.
    ["no pause and no power", 1, 189, 1],
    ["no pause, and power", 1, 191, 0],
    ["pauses", 0.98, 189, 0],
  ])("is %s", (_, gpuUtil, powerWatts, share) => {
    expect(after(() => ({ gpuUtil, powerWatts })).stallShare).toBe(share);
  });

  it("is not claimed of a device whose power or scale is unknown", () => {
    expect(after(() => ({ gpuUtil: 1 })).stallShare).toBeUndefined();
    const context = new DeviceContext(1000);
    context.add({ kind: "gpu", gpu: 0, atMs: 0, gpuUtil: 1, powerWatts: 150 }, "busy");
    expect(context.course(1000, { origin: "none" }).features.stallShare).toBeUndefined();
  });
});

describe("the course of the context", () => {
  it("says how memory was held, as a share of the device's", () => {
    const held = (bytes: (second: number) => number) =>
      after((second) => ({ gpuUtil: 1, memUsedBytes: bytes(second) })).memHeldVariation;
    expect(held(() => 500)).toBe(0);
    expect(held((second) => (second < 60 ? 500 : 700))).toBeCloseTo(0.2);
    expect(after(() => ({ gpuUtil: 1 })).memHeldVariation).toBeUndefined();
  });

  it("sees the step that one window of a waiting rank does not hold", () => {
    const waiting = (second: number) => ({ gpuUtil: 1, powerWatts: second % 50 < 3 ? 600 : 150 });
    expect(after(waiting).contextPowerVariation).toBeGreaterThan(0.2);
    const level = (second: number) => ({ gpuUtil: 1, powerWatts: 150 + 0.1 * (second % 2) });
    expect(after(level).contextPowerVariation).toBeLessThan(0.001);
  });

  it("of a sensor that never moves is none: it may be stuck", () => {
    expect(after(() => ({ gpuUtil: 1, powerWatts: 150 })).contextPowerVariation).toBeUndefined();
  });

  it("is not judged by less than twenty seconds of work", () => {
    const work = (second: number) => ({ gpuUtil: 1, powerWatts: 500 + (second % 2) });
    expect(after(work, { seconds: 19 }).contextPowerVariation).toBeUndefined();
    expect(after(work, { seconds: 20 }).contextPowerVariation).toBeCloseTo(0.001);
  });

  it("of one reading a minute says nothing of rhythm", () => {
    const found = after((_, i) => ({ gpuUtil: 1, powerWatts: 400 + i }), {
      intervalMs: 60_000,
      seconds: 3600,
    });
    expect(found).toMatchObject({
      contextPowerVariation: undefined,
      memHeldVariation: undefined,
      stallShare: 0,
    });
    expect([found.stepStrength, found.burstRegularity]).toEqual([undefined, undefined]);
  });

  it("forgets: what lies further back than the context changes nothing", () => {
    const recent = (second: number): Reading => ({
      gpuUtil: 1,
      powerWatts: 400 + 50 * Math.sin(second),
    });
    const withPast = (past: Reading) =>
      after((second) => (second < 300 ? past : recent(second)), {
        seconds: 300 + CONTEXT_MS / 1000,
      });
    expect(withPast({ gpuUtil: 0, powerWatts: 80, memUsedBytes: 900 })).toEqual(
      withPast({ gpuUtil: 1, powerWatts: 690 }),
    );
  });

  it("never gives a share beyond 0 to 1, or what is no number, whatever the readings", () => {
    const reading = fc.record(
      {
        gpuUtil: fc.double({ min: 0, max: 1, noNaN: true }),
        powerWatts: fc.double({ min: 0, max: 1e5, noNaN: true }),
        memUsedBytes: fc.double({ min: 0, max: 1000, noNaN: true }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 150 }), (readings) => {
        const found = after((_, i) => readings[i] ?? {}, { seconds: readings.length });
        for (const value of Object.values(found))
          if (value !== undefined) expect(Number.isFinite(value)).toBe(true);
        const {
          stallShare = 0,
          stepStrength = 0,
          burstRegularity = 0,
          memHeldVariation = 0,
        } = found;
        for (const share of [stallShare, stepStrength, burstRegularity, memHeldVariation]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
