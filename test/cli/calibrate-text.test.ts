import { describe, expect, it } from "vitest";
import { calibrationTable } from "../../src/cli/calibrate/text.ts";
import type { Calibration } from "../../src/model/calibration.ts";
import { rooflineOf } from "../../src/model/roofline.ts";

const of = (kernel: string, over: Partial<Calibration>): Calibration => ({
  gpuUuid: "GPU-1",
  adapter: "a",
  deviceMatch: "pid-and-memory",
  kernel,
  family: "hash",
  atMs: 0,
  durationSeconds: 1,
  ratePerSecond: 1e9,
  unit: "hash/s",
  software: false,
  telemetry: {},
  baseline: {},
  ...over,
});
const CEILING = of("alu-int32", {
  family: "alu",
  unit: "op/s",
  ratePerSecond: 1e13,
  cost: { "int32-op": 1 },
  measures: "int32-op",
});
const HEAVY = of("heavyhash", { cost: { "int32-op": 5000, "int8-op": 8192 } });
const table = (...all: Calibration[]) => calibrationTable(all, rooflineOf(all));

describe("the table of a calibration", () => {
  it("says what share of which ceiling a kernel reached, and who set it", () => {
    const text = table(CEILING, of("sha256d", { cost: { "int32-op": 5000 } }));
    expect(text).toMatch(/sha256d .* 50\.0 % of int32 +│/);
    expect(text).toMatch(/alu-int32 .* sets int32 +│/);
  });

  it("names the ceilings that were not measured, so that no share is silently too good", () => {
    expect(table(CEILING, HEAVY)).toMatch(/heavyhash .* 50\.0 % of int32 int8\? +│/);
    expect(table(HEAVY)).toMatch(/heavyhash .* int32\? int8\? +│/);
    expect(table(of("memory-chase", { cost: {} }))).toMatch(/memory-chase .*│ +- +│/);
  });
});
