import { describe, expect, it } from "vitest";
import { DeviceCalls } from "../../../src/collect/nvml/device-calls.ts";
import { GpmReader, gpmSource } from "../../../src/collect/nvml/gpm.ts";
import { loadNvml } from "../../../src/collect/nvml/library.ts";
import { compileNvmlStub, scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { at, gpmAsked, gpmFigures, gpuAt } from "./rig-counters.ts";
import { compiler, of, ready, suffix, type Rig } from "./rig.ts";

const busy: NvmlScript = {
  gpm: 1,
  util: 90,
  gpm2: 80,
  gpm3: 40,
  gpm4: 12.5,
  gpm5: 61,
  gpm6: 1,
  gpm7: 60,
  gpm9: 2,
  gpm10: 33,
  gpm11: 3,
  gpm12: 4,
  gpm13: 5,
  gpm20: 100,
  gpm21: 200,
  gpm60: 300,
  gpm61: 400,
};
const MIB = 1_048_576;
const second = async (made: Rig) => (await gpuAt(made, [0, 1000]))[1];

describe.skipIf(!compiler)(`profiling counters${suffix}`, () => {
  it("are in the model's units, from the second reading on", async () => {
    const [first, next] = await gpuAt(await ready(busy), [0, 1000]);
    expect(first).not.toHaveProperty("smActive");
    expect(next).toMatchObject({
      gpuUtil: 0.9,
      smActive: 0.8,
      smOccupancy: 0.4,
      intActive: 0.125,
      tensorActive: 0.61,
      dfmaActive: 0.01,
      hmmaActive: 0.6,
      immaActive: 0.02,
      dramActive: 0.33,
      fp64Active: 0.03,
      fp32Active: 0.04,
      fp16Active: 0.05,
      pcieTxBytesPerSec: 100 * MIB,
      pcieRxBytesPerSec: 200 * MIB,
      nvlinkRxBytesPerSec: 300 * MIB,
      nvlinkTxBytesPerSec: 400 * MIB,
    });
  });

  it.each([
    ["nan", undefined],
    ["-0.1", undefined],
    ["105.1", undefined],
    ["inf", undefined],
    ["105", 1],
    ["100", 1],
    ["0", 0],
  ])("of %s percent read %s", async (gpm5, expected) => {
    const line = await second(await ready({ ...busy, gpm5 }));
    expect(line?.tensorActive).toBe(expected);
    expect(line?.smActive).toBe(0.8);
  });

  it("that the driver leaves alone are not measured, rather than 0", async () => {
    const line = await second(await ready({ ...busy, gpmSkip10: 1 }));
    expect(line).not.toHaveProperty("dramActive");
    expect(line).toHaveProperty("smActive", 0.8);
  });

  it.each([
    [3, false],
    [2, false],
    [25, false],
    [21, true],
  ])("that answer %s are asked for again: %s", async (result, again) => {
    const made = await ready({ ...busy, gpmResult5: result });
    const lines = await gpuAt(made, [0, 1000, 2000]);
    expect(lines[2]).not.toHaveProperty("tensorActive");
    expect(lines[2]).toHaveProperty("smActive", 0.8);
    expect(gpmAsked(made).includes(5)).toBe(again);
    expect(gpmAsked(made)).toContain(2);
  });

  it("never ask for the driver's own utilisation of a whole device", async () => {
    const made = await ready(busy);
    await second(made);
    expect(gpmAsked(made)).not.toContain(1);
  });
});

describe.skipIf(!compiler)(`the two samples that are compared${suffix}`, () => {
  const distances = async (stepMs: number, count: number) => {
    const made = await ready(busy);
    const found: (number | undefined)[] = [];
    for (let i = 0; i < count; i++) {
      const line = of("gpu", await at(made, i * stepMs))[0];
      const { older, newer } = gpmFigures(made);
      found.push(line?.smActive === undefined ? undefined : Number(newer) - Number(older));
    }
    return { found, made };
  };

  it.each([
    [1000, [undefined, 1, 1, 1]],
    [120, [undefined, 1, 1, 1]],
    [119, [undefined, undefined, 2, 2]],
    [100, [undefined, undefined, 2, 2]],
    [20, [...Array.from({ length: 6 }, () => undefined), 6, 6]],
  ])("are the youngest far enough apart, every %s ms", async (stepMs, expected) => {
    expect((await distances(stepMs, expected.length)).found).toEqual(expected);
  });

  it.each([
    [3000, 0.8],
    [3001, undefined],
  ])("%s ms apart give %s: over a hole they speak of nothing", async (ms, expected) => {
    const [, line] = await gpuAt(await ready(busy), [0, ms]);
    expect(line?.smActive).toBe(expected);
  });

  it("may lie further apart where readings do", async () => {
    const made = await ready(busy, { settings: { intervalMs: 10_000 } });
    expect((await gpuAt(made, [0, 10_000]))[1]?.smActive).toBe(0.8);
  });

  it.each([1, 20])("stay few, however fast they come: every %s ms", async (stepMs) => {
    const { made } = await distances(stepMs, 300);
    expect(gpmFigures(made).peak).toBeLessThan(14);
    expect(gpmFigures(made).peak).toBeGreaterThan(2);
  });

  it("stay few after a change from fast to slow", async () => {
    const { made } = await distances(20, 20);
    await gpuAt(made, [1400, 2400, 3400]);
    expect(gpmFigures(made).live).toBeLessThan(14);
  });
});

describe.skipIf(!compiler)(`profiling counters that have stopped${suffix}`, () => {
  const zero = Object.fromEntries(
    Object.keys(busy).flatMap((key) => (/^gpm\d+$/.test(key) ? [[key, 0]] : [])),
  );

  it.each([
    ["all are 0 beside a utilisation of 100 %", { util: 100 }, undefined],
    ["all are 0 beside a utilisation of 99 %", { util: 99 }, 0],
    ["one is not", { util: 100, gpm2: 0.7 }, 0.007],
    ["the device is idle", { util: 0 }, 0],
  ])("are told by the utilisation: %s", async (_name, script, expected) => {
    const line = await second(await ready({ gpm: 1, ...zero, ...script }));
    if (expected === undefined) expect(line).not.toHaveProperty("smActive");
    else expect(line?.smActive).toBeCloseTo(expected);
    expect(line?.tensorActive).toBe(expected === undefined ? undefined : 0);
    expect(line?.pcieTxBytesPerSec).toBe(expected === undefined ? undefined : 0);
  });

  it("are not guessed where activity itself was not measured", async () => {
    const script = { gpm: 1, ...zero, util: 100, gpmResult2: 3 };
    expect((await second(await ready(script)))?.tensorActive).toBe(0);
  });
});

describe.skipIf(!compiler)(`a device without profiling counters${suffix}`, () => {
  it.each<[string, NvmlScript, string[], number]>([
    ["is not supported", { gpm: 0 }, [], 1],
    ["is not asked about in an old driver", {}, ["nvmlGpmQueryDeviceSupport"], 0],
    ["refuses the struct", { "error.nvmlGpmQueryDeviceSupport": 25 }, [], 1],
    ["cannot tell this time", { "error.nvmlGpmQueryDeviceSupport": 999 }, [], 3],
  ])("%s, and is found out once", async (_name, script, without, times) => {
    const made = await ready({ ...busy, ...script }, { without });
    const lines = await gpuAt(made, [0, 1000, 2000]);
    expect(lines[2]).not.toHaveProperty("smActive");
    expect(lines[2]).toHaveProperty("gpuUtil", 0.9);
    expect(made.calls("nvmlGpmQueryDeviceSupport")).toBe(times);
    expect(made.calls("nvmlGpmSampleAlloc", -1)).toBe(0);
  });

  it.each<[string, NvmlScript, string[]]>([
    ["is refused", { "error.nvmlGpmMetricsGet": 25 }, []],
    ["is not in the driver", {}, ["nvmlGpmMetricsGet"]],
  ])(
    "takes no more samples once their comparison %s, and keeps none",
    async (_n, script, without) => {
      const made = await ready({ ...busy, ...script }, { without });
      await gpuAt(made, [0, 1000, 2000, 3000]);
      expect(made.calls("nvmlGpmSampleGet")).toBe(2);
      expect(gpmFigures(made).live).toBe(0);
    },
  );

  it("takes no more samples once one is not supported", async () => {
    const made = await ready({ ...busy, "error.nvmlGpmSampleGet": 3 });
    await gpuAt(made, [0, 1000, 2000]);
    expect(made.calls("nvmlGpmSampleGet")).toBe(1);
    expect(gpmFigures(made).live).toBe(0);
  });

  it("goes on once a sample that failed can be taken again, without another allocation", async () => {
    const made = await ready({ ...busy, "error.nvmlGpmSampleGet": 999 });
    await gpuAt(made, [0, 1000, 2000]);
    expect(gpmFigures(made).live).toBe(1);
    scriptNvmlStub(made.library, busy);
    expect((await gpuAt(made, [3000, 4000]))[1]?.smActive).toBe(0.8);
  });
});

describe.skipIf(!compiler)(`the samples' memory${suffix}`, () => {
  it("is given back when the collector closes, however often it is opened again", async () => {
    const made = await ready({ ...busy, devices: 2 });
    gpmFigures(made);
    for (let round = 0; round < 5; round++) {
      await gpuAt(made, [0, 1000, 2000]);
      expect(gpmFigures(made).live).toBe(4);
      await made.collector.close();
      expect(gpmFigures(made).live).toBe(0);
      await made.collector.open();
    }
    expect(made.calls("nvmlGpmSampleAlloc", -1)).toBe(made.calls("nvmlGpmSampleFree", -1));
  });

  it("is given back when its device is lost, and the counters start anew once it is back", async () => {
    const settings = { lostDevice: { firstMs: 1000, maxMs: 1000 } };
    const made = await ready({ ...busy, devices: 2 }, { settings });
    await gpuAt(made, [0, 1000]);
    expect(gpmFigures(made).live).toBe(4);
    scriptNvmlStub(made.library, { ...busy, devices: 2, "gpu0.lost": 1 });
    await at(made, 2000);
    expect(gpmFigures(made).live).toBe(2);
    scriptNvmlStub(made.library, { ...busy, devices: 2 });
    const [back, next] = await gpuAt(made, [3000, 4000]);
    expect(back).toHaveProperty("gpuUtil", 0.9);
    expect(back).not.toHaveProperty("smActive");
    expect(next).toHaveProperty("smActive", 0.8);
    expect(gpmFigures(made).live).toBe(4);
  });

  it("is given back when devices are counted anew", async () => {
    const made = await ready({ ...busy, devices: 2 });
    await gpuAt(made, [0, 1000]);
    scriptNvmlStub(made.library, { ...busy, devices: 1 });
    await gpuAt(made, [2000, 3000]);
    expect(gpmFigures(made).live).toBe(2);
  });

  it("is left alone where the library has gone", async () => {
    const made = await ready(busy);
    await gpuAt(made, [0, 1000]);
    const free = () => made.calls("nvmlGpmSampleFree", -1);
    expect(free()).toBe(0);
    scriptNvmlStub(made.library, { "error.nvmlGpmSampleFree": 1 });
    await at(made, 2000);
    await made.collector.close();
    expect(free()).toBe(1);
  });
});

describe.skipIf(!compiler)(`profiling counters of a GPU instance${suffix}`, () => {
  const instance = (script: NvmlScript) => {
    const loaded = loadNvml(compileNvmlStub({ script }));
    if (loaded.status !== "loaded") throw new Error(loaded.reason);
    loaded.library.call("nvmlInit_v2");
    return new GpmReader(new DeviceCalls(loaded.library, 0x1000n), { gpuInstanceId: 3 });
  };

  it("have the utilisation that instances lack, and no traffic, which is the whole device's", () => {
    const reader = instance({ ...busy, gpm1: 70, "error.nvmlGpmSampleGet": 3 });
    expect(reader.read(0)).toEqual({});
    const readings = reader.read(1000);
    expect(readings).toMatchObject({ gpuUtil: 0.7, smActive: 0.8 });
    expect(readings).not.toHaveProperty("pcieTxBytesPerSec");
    reader.close();
  });

  it("are not asked for again where instances are not supported", () => {
    const reader = instance({ ...busy, "error.nvmlGpmMigSampleGet": 3 });
    expect([reader.read(0), reader.read(1000)]).toEqual([{}, {}]);
    reader.close();
    reader.close();
  });
});

describe("the source of a profiling metric", () => {
  it("is named by its number", () => {
    expect([gpmSource("tensorActive"), gpmSource("nvlinkTxBytesPerSec")]).toEqual([
      "GPM metric 5",
      "GPM metric 61",
    ]);
    expect(gpmSource("tempC")).toBeUndefined();
  });
});
