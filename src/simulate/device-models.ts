import { none, type PerResource } from "./resources.ts";

/** A device as its data sheet describes it: a second at the highest clock, watts, bytes, MHz. */
export interface DeviceModel {
  /** As the driver calls it. */
  name: string;
  peaks: Readonly<PerResource>;
  memoryBytes: number;
  /** The board's own limit; a node may set a lower one. */
  powerLimitWatts: number;
  /** Nothing runs and nobody holds it. */
  restWatts: number;
  /** More than at rest while a process holds it: the clocks stay up. */
  contextWatts: number;
  maxClockMHz: number;
  minClockMHz: number;
  idleClockMHz: number;
  memoryClockMHz: number;
}

/** Figures of a data sheet, in the units data sheets use: 1e12 operations, 1e9 bytes a second. */
export interface Sheet {
  name: string;
  tensor16: number;
  tensor8: number;
  fp64: number;
  fp32: number;
  fp16: number;
  int32: number;
  memoryGBps: number;
  pcieGBps: number;
  nvlinkGBps: number;
  memoryBytes: number;
  powerLimitWatts: number;
  restWatts?: number | undefined;
  contextWatts?: number | undefined;
  maxClockMHz: number;
  minClockMHz?: number | undefined;
  idleClockMHz?: number | undefined;
  memoryClockMHz: number;
}

/** No data sheet gives these two. Assumed of every board alike, as shares of its power limit. */
const REST_SHARE = 0.1;
const CONTEXT_SHARE = 0.06;
const MIN_CLOCK_MHZ = 210;
const GIB = 2 ** 30;
const TERA = 1e12;
const GIGA = 1e9;

export function modelOf(sheet: Sheet): DeviceModel {
  const { name, memoryBytes, powerLimitWatts, maxClockMHz, memoryClockMHz } = sheet;
  const minClockMHz = sheet.minClockMHz ?? MIN_CLOCK_MHZ;
  return {
    name,
    memoryBytes,
    powerLimitWatts,
    maxClockMHz,
    minClockMHz,
    memoryClockMHz,
    idleClockMHz: sheet.idleClockMHz ?? minClockMHz,
    restWatts: sheet.restWatts ?? powerLimitWatts * REST_SHARE,
    contextWatts: sheet.contextWatts ?? powerLimitWatts * CONTEXT_SHARE,
    peaks: {
      ...none(),
      tensor16: sheet.tensor16 * TERA,
      tensor8: sheet.tensor8 * TERA,
      fp64: sheet.fp64 * TERA,
      fp32: sheet.fp32 * TERA,
      fp16: sheet.fp16 * TERA,
      int32: sheet.int32 * TERA,
      dram: sheet.memoryGBps * GIGA,
      pcieRx: sheet.pcieGBps * GIGA,
      pcieTx: sheet.pcieGBps * GIGA,
      nvlinkRx: sheet.nvlinkGBps * GIGA,
      nvlinkTx: sheet.nvlinkGBps * GIGA,
    },
  };
}

/*
 * NVIDIA's data sheets and architecture papers: dense rates (no sparsity) at the boost clock, tensor
 * cores with f16 products summed in f32; links in each direction. `int32` is lanes of integer units
 * x multiprocessors x clock.
 */
const hopper = {
  tensor16: 989.5,
  tensor8: 1979,
  fp64: 33.5,
  fp32: 67,
  fp16: 134,
  int32: 16.7,
  pcieGBps: 64,
  nvlinkGBps: 450,
  powerLimitWatts: 700,
  maxClockMHz: 1980,
  idleClockMHz: 345,
};
const ampere = {
  tensor16: 312,
  tensor8: 624,
  fp64: 9.7,
  fp32: 19.5,
  fp16: 78,
  int32: 9.75,
  pcieGBps: 32,
  nvlinkGBps: 300,
  powerLimitWatts: 400,
  maxClockMHz: 1410,
  idleClockMHz: 210,
};

const SHEETS = {
  "h100-sxm": {
    ...hopper,
    name: "NVIDIA H100 80GB HBM3",
    memoryGBps: 3350,
    memoryBytes: 80 * GIB,
    memoryClockMHz: 2619,
  },
  "h200-sxm": {
    ...hopper,
    name: "NVIDIA H200",
    memoryGBps: 4800,
    memoryBytes: 141 * GIGA,
    memoryClockMHz: 3201,
  },
  "a100-40gb": {
    ...ampere,
    name: "NVIDIA A100-SXM4-40GB",
    memoryGBps: 1555,
    memoryBytes: 40 * GIB,
    memoryClockMHz: 1215,
  },
  "a100-80gb": {
    ...ampere,
    name: "NVIDIA A100-SXM4-80GB",
    memoryGBps: 2039,
    memoryBytes: 80 * GIB,
    memoryClockMHz: 1593,
  },
  "rtx-4090": {
    name: "NVIDIA GeForce RTX 4090",
    tensor16: 165.2,
    tensor8: 660.6,
    fp64: 1.29,
    fp32: 82.6,
    fp16: 82.6,
    int32: 20.6,
    memoryGBps: 1008,
    pcieGBps: 32,
    nvlinkGBps: 0,
    memoryBytes: 24 * GIB,
    powerLimitWatts: 450,
    maxClockMHz: 2520,
    memoryClockMHz: 10501,
  },
  l4: {
    name: "NVIDIA L4",
    tensor16: 121,
    tensor8: 242,
    fp64: 0.47,
    fp32: 30.3,
    fp16: 30.3,
    int32: 7.6,
    memoryGBps: 300,
    pcieGBps: 32,
    nvlinkGBps: 0,
    memoryBytes: 24 * GIB,
    powerLimitWatts: 72,
    maxClockMHz: 2040,
    memoryClockMHz: 6251,
  },
  t4: {
    name: "Tesla T4",
    tensor16: 65,
    tensor8: 130,
    fp64: 0.25,
    fp32: 8.1,
    fp16: 16.2,
    int32: 4.07,
    memoryGBps: 320,
    pcieGBps: 16,
    nvlinkGBps: 0,
    memoryBytes: 16 * GIB,
    powerLimitWatts: 70,
    maxClockMHz: 1590,
    memoryClockMHz: 5001,
  },
} as const satisfies Record<string, Sheet>;

/** The devices that need no definition, by the name a spec gives them. */
export const DEVICE_MODELS: ReadonlyMap<string, DeviceModel> = new Map(
  Object.entries(SHEETS).map(([key, sheet]) => [key, modelOf(sheet)]),
);
