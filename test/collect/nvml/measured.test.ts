import { describe, expect, it } from "vitest";
import { Readings, SourceTable } from "../../../src/collect/nvml/measured.ts";
import type { GpuQuantity } from "../../../src/model/sample.ts";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { at } from "./rig-counters.ts";
import { compiler, of, ready, suffix, type Rig } from "./rig.ts";

describe("one reading", () => {
  it("keeps the first of two calls that tell the same quantity", () => {
    const readings = new Readings();
    readings.add("powerWatts", undefined, "a");
    readings.add("powerWatts", 300, "b");
    readings.add("powerWatts", 250, "c");
    expect(readings.values).toEqual({ powerWatts: 300 });
    expect([...readings.sources]).toEqual([["powerWatts", "b"]]);
  });

  it.each([-1, Number.NaN, 100_001, Number.POSITIVE_INFINITY])(
    "takes the next call's figure where the first says %s watts",
    (watts) => {
      const readings = new Readings();
      readings.add("powerWatts", watts, "a");
      readings.add("powerWatts", 300, "b");
      expect(readings.values).toEqual({ powerWatts: 300 });
    },
  );
});

describe("the table of what measures what", () => {
  const power = (source: string) => new Map<GpuQuantity, string>([["powerWatts", source]]);

  it("changes with the first source of a quantity, and then holds still", () => {
    const table = new SourceTable();
    expect(table.note(power("a"), 0)).toBe(true);
    expect(table.note(power("a"), 1000)).toBe(false);
    expect(table.note(new Map(), 2000)).toBe(false);
    expect(table.table).toEqual({ powerWatts: "a" });
  });

  it.each([
    [59_999, "a"],
    [60_000, "b"],
  ])("changes its source after %s ms of silence: %s", (silentMs, source) => {
    const table = new SourceTable();
    table.note(power("a"), 1000);
    expect(table.note(power("b"), 1000 + silentMs)).toBe(source === "b");
    expect(table.table).toEqual({ powerWatts: source });
  });

  it("does not change while both answer by turns", () => {
    const table = new SourceTable();
    table.note(power("a"), 0);
    for (let second = 1; second < 200; second++) {
      expect(table.note(power(second % 2 ? "b" : "a"), second * 1000)).toBe(false);
    }
  });
});

describe.skipIf(!compiler)(`what a device is measured with${suffix}`, () => {
  const node = async (made: Rig, ms: number) => of("node", await at(made, ms))[0]?.gpus[0];
  const basics = {
    gpuUtil: "nvmlDeviceGetUtilizationRates",
    memUtil: "nvmlDeviceGetUtilizationRates",
    memUsedBytes: "nvmlDeviceGetMemoryInfo_v2",
    powerWatts: "nvmlDeviceGetPowerUsage",
    energyJoules: "nvmlDeviceGetTotalEnergyConsumption",
    tempC: "nvmlDeviceGetTemperature",
    smClockMHz: "nvmlDeviceGetClockInfo",
    memClockMHz: "nvmlDeviceGetClockInfo",
    clockEventReasons: "nvmlDeviceGetCurrentClocksEventReasons",
  };

  it("is told with the first reading, and again with what needs two", async () => {
    const made = await ready({ gpm: 1, gpm5: 10, field197: 1, field186: 250_000, encoder: 1 });
    const first = { ...basics, powerWatts: "field 186 (instant power)" };
    expect((await node(made, 0))?.measuredWith).toEqual({
      ...first,
      encUtil: "nvmlDeviceGetEncoderUtilization",
    });
    expect((await node(made, 1000))?.measuredWith).toMatchObject({
      ...first,
      tensorActive: "GPM metric 5",
      pcieTxBytesPerSec: "GPM metric 20",
      nvlinkRxBytesPerSec: "GPM metric 60",
    });
    expect(await node(made, 2000)).toBeUndefined();
  });

  it("names the calls of an old driver", async () => {
    const without = ["nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetCurrentClocksEventReasons"];
    const made = await ready({}, { without });
    expect((await node(made, 0))?.measuredWith).toEqual({
      ...basics,
      memUsedBytes: "nvmlDeviceGetMemoryInfo",
      clockEventReasons: "nvmlDeviceGetCurrentClocksThrottleReasons",
    });
  });

  it("names the counter where that tells traffic before the profiling does", async () => {
    const made = await ready({ gpm: 1, field197: 8e9, fieldType197: 3 });
    await node(made, 0);
    expect((await node(made, 1000))?.measuredWith).toMatchObject({
      pcieTxBytesPerSec: "PCIe byte counter (field 197)",
      pcieRxBytesPerSec: "GPM metric 21",
    });
  });

  it("is not told again when a quantity fails once", async () => {
    const made = await ready({ field186: 250_000 });
    await node(made, 0);
    scriptNvmlStub(made.library, { fieldResult: 999, "error.nvmlDeviceGetTemperature": 999 });
    expect(await node(made, 1000)).toBeUndefined();
    scriptNvmlStub(made.library, { field186: 250_000 });
    expect(await node(made, 2000)).toBeUndefined();
  });

  it("does not list what this device cannot measure", async () => {
    const made = await ready({ "error.nvmlDeviceGetTotalEnergyConsumption": 3 });
    const measured = (await node(made, 0))?.measuredWith;
    expect(measured).not.toHaveProperty("energyJoules");
    expect(measured).toHaveProperty("tempC");
  });
});

describe.skipIf(!compiler)(`the power limit${suffix}`, () => {
  const LIMIT = "nvmlDeviceGetEnforcedPowerLimit";
  const limit = async (made: Rig, ms: number) =>
    of("node", await at(made, ms))[0]?.gpus[0]?.powerLimitWatts;
  const changed: NvmlScript = { powerLimit: 500_000 };

  it("is read again every minute, and the devices are described again when it changed", async () => {
    const made = await ready();
    expect(await limit(made, 0)).toBe(700);
    scriptNvmlStub(made.library, changed);
    expect(await limit(made, 59_999)).toBeUndefined();
    expect(await limit(made, 60_000)).toBe(500);
    expect(await limit(made, 120_000)).toBeUndefined();
    // Once when it was opened.
    expect(made.calls(LIMIT)).toBe(3);
  });

  it.each<[string, NvmlScript]>([
    ["it fails", { [`error.${LIMIT}`]: 999 }],
    ["it is no limit at all", { powerLimit: 0 }],
    ["it is garbage", { powerLimit: 0xffff_fffe }],
  ])("stays what it was where %s", async (_name, script) => {
    const made = await ready();
    await limit(made, 0);
    scriptNvmlStub(made.library, script);
    expect(await limit(made, 60_000)).toBeUndefined();
    scriptNvmlStub(made.library, changed);
    expect(await limit(made, 120_000)).toBe(500);
  });
});
