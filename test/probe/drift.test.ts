import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Calibration } from "../../src/model/calibration.ts";
import { driftOf, driftText, firstOf } from "../../src/probe/drift.ts";

const OCTOBER = Date.UTC(2026, 9, 2, 12);
const NOVEMBER = Date.UTC(2026, 10, 21, 12);

const calibration = (over: Partial<Calibration> = {}): Calibration => ({
  gpuUuid: "GPU-1",
  adapter: "H100 (nvidia)",
  deviceMatch: "pid-and-memory",
  kernel: "sha256d",
  atMs: OCTOBER,
  durationSeconds: 5,
  ratePerSecond: 1e9,
  unit: "hash/s",
  rateSpread: 0.01,
  timing: "timestamp",
  software: false,
  powerLimitWatts: 700,
  driverVersion: "570.10",
  telemetry: { powerWatts: 600, smClockMHz: 1755, memClockMHz: 2600, tempC: 60 },
  baseline: { powerWatts: 70 },
  ...over,
});
const later = (over: Partial<Calibration> = {}): Calibration =>
  calibration({ atMs: NOVEMBER, ...over });
const told = (now: Calibration, then = calibration()): string | undefined =>
  driftText(driftOf(now, then));

describe("drift", () => {
  test("of a device with a lower power limit is told with its causes", () => {
    const now = later({
      ratePerSecond: 0.93e9,
      powerLimitWatts: 500,
      telemetry: { powerWatts: 498, smClockMHz: 1620, memClockMHz: 2600, tempC: 83 },
    });
    expect(told(now)).toBe(
      "sha256d 7.0 % slower than on 2026-10-02: power limit 700 → 500 W, " +
        "SM clock 1,755 → 1,620 MHz, temperature 60 → 83 °C, power 600 → 498 W",
    );
  });

  test("is nothing where nothing differs, and where what differs is noise", () => {
    expect(told(later())).toBeUndefined();
    expect(
      told(
        later({
          ratePerSecond: 0.985e9,
          telemetry: { powerWatts: 615, smClockMHz: 1740, memClockMHz: 2600, tempC: 64 },
          baseline: { powerWatts: 72 },
        }),
      ),
    ).toBeUndefined();
  });

  test.each([
    [0.01, 0.01, 0.981, false],
    [0.01, 0.01, 0.979, true],
    [0, 0, 0.991, false],
    [0, 0, 0.989, true],
    [0, 0, 1.011, true],
    [undefined, 0, 0.951, false],
    [undefined, 0, 0.949, true],
  ])("with spreads of %s and %s, %s of the rate is drift: %s", (now, then, factor, expected) => {
    const drift = driftOf(
      later({ rateSpread: now, ratePerSecond: factor * 1e9 }),
      calibration({ rateSpread: then }),
    );
    expect(drift.isRateChanged).toBe(expected);
  });

  test("says so where the rate fell and nothing that was measured explains it", () => {
    expect(told(later({ ratePerSecond: 0.8e9 }))).toBe(
      "sha256d 20.0 % slower than on 2026-10-02: nothing else that was measured has changed",
    );
  });

  test("tells what changed at the same rate: a driver, a board that draws more at rest", () => {
    expect(told(later({ driverVersion: "580.65\u{1b}[31m" }))).toBe(
      "sha256d as fast as on 2026-10-02: driver 570.10 → 580.65\\u{1b}[31m",
    );
    expect(told(later({ baseline: { powerWatts: 90 } }))).toContain("idle power 70 → 90 W");
  });

  test("compares only what both measured", () => {
    const blind = later({ telemetry: {}, baseline: {}, powerLimitWatts: undefined });
    expect(told(blind)).toBeUndefined();
    expect(told(later(), calibration({ telemetry: {}, driverVersion: undefined }))).toBeUndefined();
  });

  test("says that another shape, or another clock, is not quite the same measurement", () => {
    const now = later({
      variant: { WORKGROUP: 128 },
      ratePerSecond: 1.2e9,
      timing: "wall",
    });
    const text = told(now, calibration({ variant: { WORKGROUP: 256 } }));
    expect(text).toContain("20.0 % faster");
    expect(text).toContain("another shape, WORKGROUP 256 → WORKGROUP 128");
    expect(text).toContain("timed by the host and not by the device");
  });

  test("of a calibration against itself is nothing, whatever its figures", () => {
    const positive = fc.double({ min: 1e-3, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(
        positive,
        positive,
        fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
        (ratePerSecond, watts, spread) => {
          const one = calibration({
            ratePerSecond,
            rateSpread: spread ?? undefined,
            telemetry: { powerWatts: watts },
          });
          expect(driftText(driftOf({ ...one, atMs: NOVEMBER }, one))).toBeUndefined();
        },
      ),
    );
  });
});

describe("the calibration to compare with", () => {
  test("is the oldest of the same device, kernel, unit and shape", () => {
    const now = later({ variant: { A: 1, B: 2 } });
    const same = calibration({ atMs: OCTOBER + 5, variant: { B: 2, A: 1 } });
    const history = [
      calibration({ atMs: OCTOBER + 9, variant: { A: 1, B: 2 } }),
      same,
      calibration({ variant: { A: 3 } }),
      calibration({ kernel: "blake3", variant: { A: 1, B: 2 } }),
      calibration({ gpuUuid: "GPU-2", variant: { A: 1, B: 2 } }),
      calibration({ unit: "op/s", variant: { A: 1, B: 2 } }),
      calibration({ software: true, variant: { A: 1, B: 2 } }),
      now,
    ];
    expect(firstOf(history, now)).toBe(same);
  });

  test("is of another shape only where none of the same is there", () => {
    const other = calibration({ variant: { A: 3 } });
    expect(firstOf([other], later({ variant: { A: 1 } }))).toBe(other);
    expect(firstOf([], later())).toBeUndefined();
    expect(firstOf([later()], later())).toBeUndefined();
  });

  test("of a software adapter is one of the same adapter", () => {
    const software = { gpuUuid: "software", software: true };
    const now = later({ ...software, adapter: "SwiftShader" });
    expect(firstOf([calibration({ ...software, adapter: "llvmpipe" })], now)).toBeUndefined();
    const same = calibration({ ...software, adapter: "SwiftShader" });
    expect(firstOf([same], now)).toBe(same);
  });
});
