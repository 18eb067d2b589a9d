import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NvmlReader } from "../../../src/collect/nvml/reader.ts";
import { AssayError } from "../../../src/model/errors.ts";
import { compileNvmlStub, scriptNvmlStub } from "../../support/nvml-stub.ts";
import { AT, compiler, of, ready, rig, suffix, type Rig } from "./rig.ts";
import { temporaryFolder } from "../../support/temporary.ts";

describe("opening", () => {
  const open = async (library: string) =>
    new NvmlReader({ node: "n1", intervalMs: 1000, library }).open(0);

  it("says that there is no driver where the library is missing", async () => {
    expect(await open("libassay-no-such-library.so.1")).toEqual({
      status: "absent",
      reason: "no NVIDIA driver: libassay-no-such-library.so.1 not found",
      hint: expect.stringContaining("driver"),
    });
  });

  it("fails with the path where the file is no library", async () => {
    const path = join(temporaryFolder("nvml"), "libnvidia-ml.so.1");
    writeFileSync(
      path,
      "this is no shared object, but it is long enough to be read as one".repeat(9),
    );
    await expect(open(path)).rejects.toMatchObject({ code: "nvml/library", place: path });
  });

  it("fails where the library is some other one", async () => {
    await expect(open("libc.so.6")).rejects.toThrow(/no NVML entry points/);
  });

  it("can be closed without open, and twice", () => {
    const reader = new NvmlReader({ node: "n1", intervalMs: 1000 });
    reader.close();
    expect(() => reader.close()).not.toThrow();
  });
});

describe.skipIf(!compiler)(`opening a library${suffix}`, () => {
  // Where an ELF header says its class (1: 32 bits) and its machine (0xb7 is AArch64, 0x3e x86-64).
  it.each([
    ["of 32 bits", 4, 1, /wrong ELF class/],
    ["of another architecture", 18, process.arch === "x64" ? 0xb7 : 0x3e, /another machine/],
  ])("fails, rather than find nothing, where it is one %s", (_name, offset, value, said) => {
    const library = compileNvmlStub();
    const bytes = readFileSync(library);
    bytes[offset] = value;
    // Under another name: the loader knows what it has loaded by its name.
    const other = `${library}.other`;
    writeFileSync(other, bytes);
    expect(() => new NvmlReader({ node: "n1", intervalMs: 1000, library: other }).open(0)).toThrow(
      said,
    );
    expect(new NvmlReader({ node: "n1", intervalMs: 1000, library }).open(0).status).toBe("ready");
  });

  it.each([
    [9, /not loaded/],
    [0, undefined],
  ])("takes result %s of the init for absent: %s", async (result, reason) => {
    const found = await rig({ "error.nvmlInit_v2": result }).collector.open();
    expect(found.status).toBe(reason ? "absent" : "ready");
    if (found.status === "absent") expect(found.reason).toMatch(reason ?? /never/);
  });

  it("fails where driver and library differ, and says what to do", async () => {
    const failure = await rig({ "error.nvmlInit_v2": 18 }).collector.open().catch(String);
    expect(failure).toMatch(/versions differ \(error 18\)/);
  });

  it("is absent with a driver that has no device", async () => {
    expect(await rig({ devices: 0 }).collector.open()).toMatchObject({ status: "absent" });
  });

  it("describes every device before the first samples, and only once", async () => {
    const { collector } = await ready({ devices: 2, "gpu1.name": "Other", driver: "570.1" });
    const [node] = await collector.collect(AT);
    const gpu = {
      memoryTotalBytes: 85_899_345_920,
      powerLimitWatts: 700,
      driverVersion: "570.1",
      measuredWith: expect.objectContaining({ gpuUtil: "nvmlDeviceGetUtilizationRates" }),
    };
    expect(node).toEqual({
      kind: "node",
      atMs: AT,
      node: "n1",
      source: "nvml",
      simulated: true,
      intervalMs: 1000,
      gpus: [
        {
          ...gpu,
          index: 0,
          uuid: "GPU-stand-in-0",
          model: "NVML stand-in",
          pciBusId: "00000000:01:00.0",
        },
        { ...gpu, index: 1, uuid: "GPU-stand-in-1", model: "Other", pciBusId: "00000000:02:00.0" },
      ],
    });
    expect(of("node", await collector.collect(AT + 1000))).toEqual([]);
  });

  it("describes them again when one appears later", async () => {
    const { collector, library } = await ready({ devices: 1 });
    await collector.collect(AT);
    scriptNvmlStub(library, { devices: 2 });
    const later = await collector.collect(AT + 1000);
    expect(of("node", later)[0]?.gpus.map(({ index }) => index)).toEqual([0, 1]);
    expect(of("gpu", later).map(({ gpu }) => gpu)).toEqual([0, 1]);
  });

  it("writes a hostile device name so that it can be shown", async () => {
    const { collector } = await ready({ name: "evil\u001b[31m" });
    expect(of("node", await collector.collect(AT))[0]?.gpus[0]?.model).toBe("evil\\u{1b}[31m");
  });
});

describe.skipIf(!compiler)(`readings of a device${suffix}`, () => {
  const busy = {
    util: 87,
    memUtil: 40,
    memoryUsed: 1_000_000,
    power: 300_000,
    field186: 310_500,
    energy: 123_456,
    temperature: 65,
    smClock: 1980,
    memClock: 2619,
    reasons: 4,
  };
  const first = async (made: Rig) => of("gpu", await made.collector.collect(AT))[0];

  it("are in the model's units", async () => {
    expect(await first(await ready(busy))).toEqual({
      kind: "gpu",
      atMs: AT,
      gpu: 0,
      gpuUtil: 0.87,
      memUtil: 0.4,
      memUsedBytes: 1_000_000,
      powerWatts: 310.5,
      energyJoules: 123.456,
      tempC: 65,
      smClockMHz: 1980,
      memClockMHz: 2619,
      clockEventReasons: 4,
    });
  });

  it("take the averaged power where there is no instant one", async () => {
    const { field186: _, ...without } = busy;
    expect((await first(await ready(without)))?.powerWatts).toBe(300);
  });

  it.each([
    ["nvmlDeviceGetFieldValues", { powerWatts: 300 }],
    ["nvmlDeviceGetMemoryInfo_v2", { memUsedBytes: 2_097_152 }],
    ["nvmlDeviceGetCurrentClocksEventReasons", { clockEventReasons: 2 }],
  ])("fall back where an old driver lacks %s", async (symbol, expected) => {
    expect(await first(await ready(busy, { without: [symbol] }))).toMatchObject(expected);
  });

  it("are absent where an old driver lacks the call, and nothing else suffers", async () => {
    const made = await ready(busy, { without: ["nvmlDeviceGetTotalEnergyConsumption"] });
    const sample = await first(made);
    expect(sample).not.toHaveProperty("energyJoules");
    expect(sample).toHaveProperty("powerWatts", 310.5);
  });

  it.each([
    ["util", 101, "gpuUtil"],
    ["field186", 0xffff_ffff, "powerWattsInstant"],
    ["temperature", 4_000_000_000, "tempC"],
    ["energy", "0xffffffffffffffff", "energyJoules"],
    ["smClock", 0xffff_ffff, "smClockMHz"],
  ])("are absent, never wrong, where %s is %s", async (key, value, quantity) => {
    const sample = await first(await ready({ ...busy, [key]: value }));
    expect(sample).not.toHaveProperty(quantity);
    expect(sample).toHaveProperty("memUtil", 0.4);
    if (key === "field186") expect(sample?.powerWatts).toBe(300);
  });

  it("ask only once for what the device does not support", async () => {
    const symbol = "nvmlDeviceGetTotalEnergyConsumption";
    const made = await ready({ ...busy, devices: 2, [`gpu0.error.${symbol}`]: 3 });
    for (const offset of [0, 1000, 2000]) await made.collector.collect(AT + offset);
    expect([made.calls(symbol, 0), made.calls(symbol, 1)]).toEqual([1, 3]);
  });

  it.each([
    [2, 1],
    [3, 1],
    [999, 3],
  ])("ask for a field that answers %s in %s of three ticks", async (fieldResult, times) => {
    const { field186: _, ...without } = busy;
    const made = await ready({ ...without, fieldResult });
    for (const offset of [0, 1000, 2000]) await made.collector.collect(AT + offset);
    expect(made.calls("nvmlDeviceGetFieldValues")).toBe(times);
  });

  it("ask again for what only failed this time", async () => {
    const symbol = "nvmlDeviceGetTotalEnergyConsumption";
    const made = await ready({ ...busy, [`error.${symbol}`]: 999 });
    expect(await first(made)).not.toHaveProperty("energyJoules");
    scriptNvmlStub(made.library, busy);
    expect(await first(made)).toHaveProperty("energyJoules", 123.456);
  });
});

describe.skipIf(!compiler)(`a device that falls off the bus${suffix}`, () => {
  const settings = { lostDevice: { firstMs: 5000, maxMs: 10_000 } };

  it("leaves a gap of its own while the others go on, and is tried again with growing waits", async () => {
    const made = await ready({ devices: 2 }, { settings });
    const tick = async (second: number) => {
      made.clock.nowMs = second * 1000;
      return made.collector.collect(AT + second * 1000);
    };
    await tick(0);
    scriptNvmlStub(made.library, { devices: 2, "gpu1.lost": 1 });
    const lost = await tick(1);
    expect(of("gpu", lost).map(({ gpu }) => gpu)).toEqual([0]);
    expect(of("gap", lost)).toEqual([
      {
        kind: "gap",
        source: "nvml",
        gpu: 1,
        fromMs: AT,
        toMs: AT + 1000,
        reason: expect.stringContaining("GPU is lost (error 15)"),
      },
    ]);
    const gaps: [number, number][] = [];
    for (let second = 2; second <= 30; second++) {
      for (const gap of of("gap", await tick(second))) {
        gaps.push([gap.fromMs - AT, gap.toMs - AT]);
      }
    }
    expect(gaps).toEqual([
      [1000, 6000],
      [6000, 16_000],
      [16_000, 26_000],
    ]);
    scriptNvmlStub(made.library, { devices: 2 });
    const back = await tick(36);
    expect(of("gap", back)).toMatchObject([{ gpu: 1, fromMs: AT + 26_000, toMs: AT + 36_000 }]);
    expect(of("gpu", back).map(({ gpu }) => gpu)).toEqual([0, 1]);
    expect(of("node", back)).toEqual([]);
    expect(of("gap", await tick(37))).toEqual([]);
  });

  it("is not asked again, once it is back, for what it never supported", async () => {
    const symbol = "nvmlDeviceGetTotalEnergyConsumption";
    const made = await ready({ [`error.${symbol}`]: 3 }, { settings });
    await made.collector.collect(AT);
    scriptNvmlStub(made.library, { lost: 1 });
    await made.collector.collect(AT + 1000);
    scriptNvmlStub(made.library, { [`error.${symbol}`]: 3 });
    made.clock.nowMs = 5000;
    const back = await made.collector.collect(AT + 5000);
    expect(of("gpu", back)).toHaveLength(1);
    expect(made.calls(symbol)).toBe(1);
  });

  it("counts as lost where it still has a handle but answers nothing", async () => {
    const calls = ["UtilizationRates", "MemoryInfo_v2", "PowerUsage", "TotalEnergyConsumption"];
    const more = ["ClockInfo", "Temperature", "CurrentClocksEventReasons", "FieldValues"];
    const lists = ["ComputeRunningProcesses_v3", "ProcessUtilization"];
    const names = [...calls, ...more, ...lists].map((name) => `error.nvmlDeviceGet${name}`);
    const made = await ready({}, { settings });
    await made.collector.collect(AT);
    scriptNvmlStub(made.library, Object.fromEntries(names.map((name) => [name, 999])));
    const seen = await made.collector.collect(AT + 1000);
    expect(seen.map(({ kind }) => kind)).toEqual(["gap"]);
  });

  it("is not listed while it cannot say who it is, and is once it can", async () => {
    const made = await ready({ devices: 2, "gpu0.lost": 1 }, { settings });
    const indexes = async (second: number) => {
      made.clock.nowMs = second * 1000;
      const seen = await made.collector.collect(AT + second * 1000);
      expect(of("gap", seen)).toEqual([]);
      return of("node", seen)[0]?.gpus.map(({ index }) => index);
    };
    expect(await indexes(0)).toEqual([1]);
    scriptNvmlStub(made.library, { devices: 2 });
    expect(await indexes(4)).toBeUndefined();
    expect(await indexes(5)).toEqual([0, 1]);
  });
});

describe.skipIf(!compiler)(`a driver that goes away${suffix}`, () => {
  it("breaks the collector, which reads again once it was closed and opened", async () => {
    const made = await ready();
    await made.collector.collect(AT);
    scriptNvmlStub(made.library, { "error.nvmlDeviceGetUtilizationRates": 1 });
    await expect(made.collector.collect(AT + 1000)).rejects.toBeInstanceOf(AssayError);
    await made.collector.close();
    scriptNvmlStub(made.library, {});
    expect(await made.collector.open()).toMatchObject({ status: "ready" });
    const kinds = (await made.collector.collect(AT + 2000)).map(({ kind }) => kind);
    expect(kinds).toEqual(["node", "gpu", "processes"]);
  });
});
