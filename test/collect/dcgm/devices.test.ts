import { describe, expect, it } from "vitest";
import { devicesOf } from "../../../src/collect/dcgm/devices.ts";
import { parseExposition } from "../../../src/collect/dcgm/exposition.ts";
import {
  BUSY,
  BUSY_BASE_UNITS,
  type Device,
  exporterText,
  FIRST_EXPORTER,
  type Metrics,
} from "./texts.ts";

const read = (text: string) => devicesOf(parseExposition(text).samples);
const of = (...devices: Device[]) => read(exporterText(devices));
const readings = (metrics: Metrics) => of({ metrics })[0]?.readings;

describe("a device", () => {
  it("is read in the units of the model", () => {
    expect(of({ metrics: BUSY })).toEqual([
      {
        info: {
          index: 0,
          uuid: "GPU-0",
          model: "NVIDIA H100 80GB HBM3",
          pciBusId: "00000000:00:00.0",
          driverVersion: "550.54.15",
          memoryTotalBytes: 81_559 * 1024 * 1024,
          measuredWith: expect.objectContaining({
            gpuUtil: "dcgm DCGM_FI_DEV_GPU_UTIL",
            smActive: "dcgm DCGM_FI_PROF_SM_ACTIVE",
          }),
        },
        readings: {
          gpuUtil: 0.87,
          memUtil: 0.4,
          encUtil: 0,
          decUtil: 0.05,
          memUsedBytes: 1024 * 1024 * 1024,
          powerWatts: 512.345,
          energyJoules: 123_456.789,
          tempC: 65,
          smClockMHz: 1980,
          memClockMHz: 2619,
          pcieTxBytesPerSec: 1_500_000,
          nvlinkRxBytesPerSec: 2.5e9,
          smActive: 0.71,
          smOccupancy: 0.31,
          tensorActive: 0.45,
          dramActive: 0.33,
          fp32Active: 0.01,
        },
        health: { pcieReplays: 3, remappedRows: 3 },
        lastXid: 0,
      },
    ]);
  });

  it("reads the same in the base units of newer exporters", () => {
    const [device] = of({ metrics: BUSY_BASE_UNITS });
    expect(device?.readings).toEqual({
      gpuUtil: 0.87,
      memUtil: 0.4,
      memUsedBytes: 1024 * 1024 * 1024,
      powerWatts: 512.345,
      energyJoules: 123_456,
      tempC: 65,
      smClockMHz: 1980,
      memClockMHz: 2619,
      smActive: 0.71,
      tensorActive: 0.45,
      dramActive: 0.33,
    });
    expect(device?.info.memoryTotalBytes).toBe(81_559 * 1024 * 1024);
  });

  it("is read from the first exporters too, without what they give in an unclear unit", () => {
    expect(read(FIRST_EXPORTER)).toEqual([
      {
        info: expect.objectContaining({ uuid: "GPU-0", model: "Tesla V100-SXM2-16GB" }),
        readings: {
          gpuUtil: 0.99,
          memUtil: 0.12,
          memUsedBytes: 2048 * 1024 * 1024,
          powerWatts: 231.737,
          energyJoules: 5,
          tempC: 34,
          smClockMHz: 1380,
          memClockMHz: 877,
        },
        health: { eccUncorrected: 1 },
        lastXid: undefined,
      },
    ]);
  });

  it("counts its power at the moment before an average of it", () => {
    const both = { DCGM_FI_DEV_POWER_USAGE: 100, DCGM_FI_DEV_POWER_USAGE_INSTANT: 200 };
    expect(readings(both)).toEqual({ powerWatts: 200 });
    expect(readings({ ...both, DCGM_FI_DEV_POWER_USAGE_INSTANT: "NaN" })).toEqual({
      powerWatts: 100,
    });
  });

  it.each([
    ["2147483632", "DCGM_FI_DEV_FB_USED"],
    ["2147483635", "DCGM_FI_DEV_PCIE_REPLAY_COUNTER"],
    ["2147483634", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"],
    ["9223372036854775792", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"],
    ["9223372036854775794", "DCGM_FI_DEV_GPU_TEMP"],
    ["9.223372036854776e+18", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"],
    ["1.8446744073709552e+19", "DCGM_FI_DEV_GPU_UTIL"],
    ["140737488355328.000000", "DCGM_FI_DEV_POWER_USAGE"],
    ["140737488355330", "DCGM_FI_PROF_PCIE_TX_BYTES"],
    ["NaN", "DCGM_FI_DEV_GPU_UTIL"],
    ["+Inf", "DCGM_FI_DEV_POWER_USAGE"],
    ["-1", "DCGM_FI_DEV_POWER_USAGE"],
    ["101", "DCGM_FI_DEV_GPU_UTIL"],
    ["1.06", "DCGM_FI_PROF_SM_ACTIVE"],
    ["251", "DCGM_FI_DEV_GPU_TEMP"],
    ["0.5", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"],
    ["100001", "DCGM_FI_DEV_SM_CLOCK"],
  ])("has not measured %s of %s", (value, name) => {
    const [device] = of({ metrics: { [name]: value, DCGM_FI_DEV_MEM_COPY_UTIL: 50 } });
    expect(device?.readings).toEqual({ memUtil: 0.5 });
    expect(device?.health).toEqual({});
  });

  it.each([
    ["100", "DCGM_FI_DEV_GPU_UTIL", { gpuUtil: 1 }],
    ["0", "DCGM_FI_DEV_GPU_UTIL", { gpuUtil: 0 }],
    ["1.05", "DCGM_FI_PROF_SM_ACTIVE", { smActive: 1 }],
    ["68", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", { clockEventReasons: 68 }],
    ["2147483631", "DCGM_FI_PROF_PCIE_RX_BYTES", { pcieRxBytesPerSec: 2_147_483_631 }],
  ])("has measured %s of %s", (value, name, expected) => {
    expect(readings({ [name]: value })).toEqual(expected);
  });

  it("has no profiling counters while all read 0 at full utilisation, but where it is idle", () => {
    const dead = {
      DCGM_FI_PROF_SM_ACTIVE: 0,
      DCGM_FI_PROF_PIPE_TENSOR_ACTIVE: "0.000000",
      DCGM_FI_PROF_PCIE_TX_BYTES: 5,
    };
    expect(readings({ ...dead, DCGM_FI_DEV_GPU_UTIL: 100 })).toEqual({
      gpuUtil: 1,
      pcieTxBytesPerSec: 5,
    });
    expect(readings({ ...dead, DCGM_FI_DEV_GPU_UTIL: 0 })).toMatchObject({ smActive: 0 });
    const tiny = { ...dead, DCGM_FI_PROF_SM_ACTIVE: "0.007000", DCGM_FI_DEV_GPU_UTIL: 100 };
    expect(readings(tiny)).toMatchObject({ smActive: 0.007, tensorActive: 0 });
  });

  it("is told once, though the rows of several pods repeat it", () => {
    const pod = (name: string) => ({ metrics: BUSY, labels: { pod: name } });
    expect(of(pod("a"), pod("b"))).toHaveLength(1);
  });

  it("is none in rows of links, virtual GPUs and processors, or without a UUID", () => {
    const text = [
      'DCGM_FI_DEV_NVLINK_CRC_ERROR_TOTAL{nvlink="1",gpu="0",gpu_uuid="GPU-0"} 1',
      'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-0",vgpu="7"} 1',
      'DCGM_FI_DEV_CPU_UTIL_TOTAL{cpu="0",Hostname="n1"} 0.5',
      'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 1',
      'DCGM_FI_DEV_GPU_UTIL{gpu="x",UUID="GPU-0"} 1',
      'go_goroutines{gpu="0",UUID="GPU-0"} 1',
    ].join("\n");
    expect(read(text)).toEqual([]);
  });

  it("shares its index with no other", () => {
    const twice = of({ metrics: BUSY }, { metrics: BUSY, uuid: "GPU-of-another-node" });
    expect(twice.map(({ info }) => info.uuid)).toEqual(["GPU-0"]);
  });

  it("has a name that can be shown", () => {
    const [device] = of({ metrics: BUSY, labels: { modelName: "evil\u001b[31m" } });
    expect(device?.info.model).toBe("evil\\u{1b}[31m");
  });
});

describe("a GPU that is split into MIG devices", () => {
  const part = { DCGM_FI_PROF_GR_ENGINE_ACTIVE: "0.5", DCGM_FI_DEV_FB_USED: 12 };
  const repeated = { DCGM_FI_DEV_POWER_USAGE: 300, DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: 1000 };
  const devices = of(
    { metrics: repeated },
    { metrics: { ...part, ...repeated }, instance: 7, profile: "1g.10gb" },
    { metrics: part, instance: 8, profile: "2g.20gb" },
    { metrics: BUSY, gpu: 1 },
  );

  it("is not a device itself: they are, by the numbers of their instances", () => {
    expect(devices.map(({ info }) => info)).toMatchObject([
      { index: 1, uuid: "GPU-1" },
      { index: 107, uuid: "GPU-0/gi7", parentUuid: "GPU-0", migProfile: "1g.10gb" },
      { index: 108, uuid: "GPU-0/gi8", model: "NVIDIA H100 80GB HBM3 MIG 2g.20gb" },
    ]);
  });

  it("does not lend each of them the power and energy of the whole", () => {
    expect(devices[1]?.readings).toEqual({ gpuUtil: 0.5, memUsedBytes: 12 * 1024 * 1024 });
    expect(devices[1]?.info.measuredWith).toMatchObject({
      gpuUtil: "dcgm DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    });
  });
});
