import type { GpuQuantity } from "../../model/sample.ts";
import { MIB, within } from "../units.ts";

/** A metric and how its figure becomes one of the model; undefined where it cannot be true. */
export interface Field {
  name: string;
  convert(value: number): number | undefined;
}

const MAX_BYTES = 1e15;
const MAX_BYTES_PER_SEC = 1e13;
const MAX_WATTS = 100_000;
const MAX_MHZ = 100_000;
/** Counters run a little over now and then, as the recording format allows. */
const MAX_RATIO = 1.05;

const percent = within(0, 100, 0.01);
const ratio = (value: number) =>
  value >= 0 && value <= MAX_RATIO ? Math.min(1, value) : undefined;
const watts = within(0, MAX_WATTS, 1);
const celsius = within(-60, 250, 1);
const megahertz = within(0, MAX_MHZ, 1);
const hertz = within(0, MAX_MHZ * 1e6, 1e-6);
const mebibytes = within(0, MAX_BYTES / MIB, MIB);
const bytes = within(0, MAX_BYTES, 1);
const bytesPerSec = within(0, MAX_BYTES_PER_SEC, 1);
const millijoules = within(0, Number.MAX_SAFE_INTEGER, 0.001);
const joules = within(0, Number.MAX_SAFE_INTEGER / 1000, 1);
const whole = (value: number) => (Number.isSafeInteger(value) && value >= 0 ? value : undefined);

/** Metrics of one unit. */
const fields = (convert: Field["convert"], ...names: string[]): Field[] =>
  names.map((name) => ({ name, convert }));

/** Of a profiling counter, by its name up to DCGM 4.6 and since. */
const profiled = (before: string, since: string): Field[] =>
  fields(ratio, `DCGM_FI_PROF_${before}`, `DCGM_FI_PROF_${since}`);

/**
 * By which metrics each quantity is known, best first, in capitals. Three spellings: the first
 * exporters' `dcgm_gpu_temp`, `DCGM_FI_DEV_GPU_TEMP`, and the base units of exporter 4.9. Not among
 * them: `PCIE_TX_THROUGHPUT` and `NVLINK_BANDWIDTH_TOTAL`, of which versions disagree whether they
 * count or rate, and in what. The `PROF` bytes are rates, whatever type the exporter's list gives them.
 */
export const QUANTITY_FIELDS: Readonly<Partial<Record<GpuQuantity, readonly Field[]>>> = {
  gpuUtil: [
    ...fields(percent, "DCGM_FI_DEV_GPU_UTIL", "DCGM_GPU_UTILIZATION"),
    // Some headers before DCGM 4.7 gave this name to the percentage; no exporter's own list did.
    ...fields(ratio, "DCGM_FI_DEV_GPU_UTIL_RATIO"),
    // The share of time in which an engine was busy: all there is of a MIG device.
    ...profiled("GR_ENGINE_ACTIVE", "GR_ENGINE_UTIL_RATIO"),
  ],
  memUtil: [
    ...fields(percent, "DCGM_FI_DEV_MEM_COPY_UTIL", "DCGM_MEM_COPY_UTILIZATION"),
    ...fields(ratio, "DCGM_FI_DEV_MEMORY_UTIL_RATIO"),
  ],
  encUtil: [
    ...fields(percent, "DCGM_FI_DEV_ENC_UTIL", "DCGM_ENC_UTILIZATION"),
    ...fields(ratio, "DCGM_FI_DEV_ENC_UTIL_RATIO"),
  ],
  decUtil: [
    ...fields(percent, "DCGM_FI_DEV_DEC_UTIL", "DCGM_DEC_UTILIZATION"),
    ...fields(ratio, "DCGM_FI_DEV_DEC_UTIL_RATIO"),
  ],
  memUsedBytes: [
    ...fields(bytes, "DCGM_FI_DEV_FB_USED_BYTES"),
    ...fields(mebibytes, "DCGM_FI_DEV_FB_USED", "DCGM_FB_USED"),
  ],
  // At the moment first, then what may be an average.
  powerWatts: fields(
    watts,
    "DCGM_FI_DEV_POWER_USAGE_INSTANT",
    "DCGM_FI_DEV_BOARD_POWER_RAW_WATTS",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_BOARD_POWER_WATTS",
    "DCGM_POWER_USAGE",
  ),
  energyJoules: [
    ...fields(millijoules, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"),
    ...fields(millijoules, "DCGM_TOTAL_ENERGY_CONSUMPTION"),
    ...fields(joules, "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL"),
  ],
  tempC: fields(celsius, "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_TEMP_CELSIUS", "DCGM_GPU_TEMP"),
  smClockMHz: [
    ...fields(megahertz, "DCGM_FI_DEV_SM_CLOCK", "DCGM_SM_CLOCK"),
    ...fields(hertz, "DCGM_FI_DEV_SM_CLOCK_HERTZ"),
  ],
  memClockMHz: [
    ...fields(megahertz, "DCGM_FI_DEV_MEM_CLOCK", "DCGM_MEMORY_CLOCK"),
    ...fields(hertz, "DCGM_FI_DEV_MEMORY_CLOCK_HERTZ"),
  ],
  clockEventReasons: fields(
    whole,
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
  ),
  pcieTxBytesPerSec: fields(bytesPerSec, "DCGM_FI_PROF_PCIE_TX_BYTES"),
  pcieRxBytesPerSec: fields(bytesPerSec, "DCGM_FI_PROF_PCIE_RX_BYTES"),
  nvlinkTxBytesPerSec: fields(bytesPerSec, "DCGM_FI_PROF_NVLINK_TX_BYTES"),
  nvlinkRxBytesPerSec: fields(bytesPerSec, "DCGM_FI_PROF_NVLINK_RX_BYTES"),
  smActive: profiled("SM_ACTIVE", "SM_UTIL_RATIO"),
  smOccupancy: profiled("SM_OCCUPANCY", "SM_OCCUPANCY_RATIO"),
  tensorActive: profiled("PIPE_TENSOR_ACTIVE", "TENSOR_UTIL_RATIO"),
  dramActive: profiled("DRAM_ACTIVE", "DRAM_UTIL_RATIO"),
  intActive: profiled("PIPE_INT_ACTIVE", "INT_UTIL_RATIO"),
  fp64Active: profiled("PIPE_FP64_ACTIVE", "FP64_UTIL_RATIO"),
  fp32Active: profiled("PIPE_FP32_ACTIVE", "FP32_UTIL_RATIO"),
  fp16Active: profiled("PIPE_FP16_ACTIVE", "FP16_UTIL_RATIO"),
  hmmaActive: profiled("PIPE_TENSOR_HMMA_ACTIVE", "HMMA_UTIL_RATIO"),
  immaActive: profiled("PIPE_TENSOR_IMMA_ACTIVE", "IMMA_UTIL_RATIO"),
  dfmaActive: profiled("PIPE_TENSOR_DFMA_ACTIVE", "DFMA_UTIL_RATIO"),
};

/** What says how a device is, and what it is. Counters since the driver was loaded. */
export const OTHER_FIELDS = {
  eccCorrected: fields(whole, "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "DCGM_ECC_SBE_VOLATILE_TOTAL"),
  eccUncorrected: fields(whole, "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "DCGM_ECC_DBE_VOLATILE_TOTAL"),
  pcieReplays: fields(
    whole,
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
    "DCGM_FI_DEV_PCIE_REPLAY_TOTAL",
    "DCGM_PCIE_REPLAY_COUNTER",
  ),
  remappedBroken: fields(
    whole,
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
    "DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL",
  ),
  remappedWorn: fields(
    whole,
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
    "DCGM_FI_DEV_ROW_REMAP_CORRECTABLE_TOTAL",
  ),
  lastXid: fields(whole, "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_XID_ERROR", "DCGM_XID_ERRORS"),
  memoryTotalBytes: [
    ...fields(bytes, "DCGM_FI_DEV_FB_CAPACITY_BYTES"),
    ...fields(mebibytes, "DCGM_FI_DEV_FB_TOTAL", "DCGM_FB_TOTAL"),
  ],
  powerLimitWatts: fields(
    watts,
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
    "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS",
    "DCGM_FI_DEV_POWER_MGMT_LIMIT",
    "DCGM_FI_DEV_BOARD_POWER_LIMIT_REQUESTED_WATTS",
  ),
} as const satisfies Record<string, readonly Field[]>;

/** DCGM marks what it has not measured by the last numbers of each type. */
const BLANK_INT32 = 0x7ffffff0;
const BLANK_FP64 = 2 ** 47;
/** 0x7ffffffffffffff0 and what lies above, which a float cannot tell apart. */
const BLANK_INT64 = 9.223372036854e18;
const BLANKS = 16;

export function isBlank(value: number): boolean {
  const isIn = (from: number): boolean => value >= from && value < from + BLANKS;
  return isIn(BLANK_INT32) || isIn(BLANK_FP64) || value >= BLANK_INT64;
}

/** The first of `known` that is measured, with the metric it came from. */
export function firstMeasured(
  known: readonly Field[],
  metrics: ReadonlyMap<string, number>,
): { value: number; name: string } | undefined {
  for (const { name, convert } of known) {
    const raw = metrics.get(name);
    const value = raw === undefined || isBlank(raw) ? undefined : convert(raw);
    if (value !== undefined) return { value, name };
  }
  return undefined;
}
