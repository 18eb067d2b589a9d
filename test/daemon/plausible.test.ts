import { describe, expect, it } from "vitest";
import { whyImplausible } from "../../src/daemon/plausible.ts";
import type { Calibration } from "../../src/model/calibration.ts";

const NOW_MS = 1_800_000_000_000;
const SOUND: Calibration = {
  gpuUuid: "GPU-1",
  adapter: "NVIDIA T4 (nvidia)",
  deviceMatch: "pid-and-memory",
  kernel: "matmul-f32",
  atMs: NOW_MS,
  durationSeconds: 5,
  ratePerSecond: 7e12,
  unit: "FLOP/s",
  software: false,
  telemetry: { powerWatts: 70, gpuUtil: 1 },
  baseline: { powerWatts: 10, gpuUtil: 0 },
};
const why = (over: Partial<Calibration>) => whyImplausible({ ...SOUND, ...over }, NOW_MS);

describe("a calibration that somebody left", () => {
  it("is taken where nothing speaks against it", () => {
    expect(why({})).toBeUndefined();
    expect(why({ deviceMatch: "memory-seen", atMs: NOW_MS - 1e9, rateSpread: 0 })).toBeUndefined();
    const software = { software: true, deviceMatch: "software", gpuUuid: "software" } as const;
    expect(why(software)).toBeUndefined();
  });

  it.each([
    ["a kernel with control characters", { kernel: "nosuch\u001b[31m" }],
    ["a kernel without a name", { kernel: "" }],
    ["a rate of nothing", { ratePerSecond: 0 }],
    ["a negative rate", { ratePerSecond: -5 }],
    ["a rate that is no number", { ratePerSecond: Number.NaN }],
    ["a rate beyond all bounds", { ratePerSecond: 1.1e18 }],
    ["a time to come", { atMs: NOW_MS + 300_001 }],
    ["no time", { atMs: 0 }],
    ["a negative duration", { durationSeconds: -1 }],
    ["an endless use of the GPU", { gpuSeconds: 1e300 }],
    ["negative energy", { energyJoules: -1 }],
    ["a negative reading", { telemetry: { powerWatts: -1 } }],
    ["a reading that nobody makes", { baseline: { mood: 1 } }],
    ["a GPU that nothing confirmed", { deviceMatch: "only-gpu" }],
    ["a GPU matched as software", { deviceMatch: "software" }],
    ["a GPU without a name", { gpuUuid: "" }],
    ["a GPU that is called software", { gpuUuid: "software" }],
    ["a CPU that names a GPU", { software: true, deviceMatch: "software" }],
    ["a CPU with a GPU's match", { software: true, gpuUuid: "software" }],
  ] as const)("is refused with %s", (_, over) => {
    expect(why(over)).toBeTypeOf("string");
  });

  it("may be ahead by as much as clocks differ", () => {
    expect(why({ atMs: NOW_MS + 300_000 })).toBeUndefined();
  });
});
