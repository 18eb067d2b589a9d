import type { GpuQuantity } from "../model/sample.ts";

/**
 * The range in which a reading can be true. Outside it the sensor, the driver or the exporter
 * speaks garbage (all-ones integers and huge "blank" values are common), and the field counts as
 * not measured. The ranges are wide on purpose: they are no judgement of the device.
 */
export interface Limit {
  readonly name: GpuQuantity;
  readonly min: number;
  readonly max: number;
  /** Averaging may push a ratio slightly above 1: up to {@link Limit.max} it is read as 1. */
  readonly ratio: boolean;
  readonly integer: boolean;
}

const RATIO_TOLERANCE = 1.05;

function ratio(name: GpuQuantity): Limit {
  return { name, min: 0, max: RATIO_TOLERANCE, ratio: true, integer: false };
}

function range(name: GpuQuantity, max: number, min = 0, integer = false): Limit {
  return { name, min, max, ratio: false, integer };
}

const PETABYTE = 1e15;
const MEMORY_USED = range("memUsedBytes", PETABYTE);
const POWER = range("powerWatts", 100_000);

export const LIMITS: ReadonlyMap<string, Limit> = new Map<string, Limit>(
  [
    ratio("gpuUtil"),
    ratio("memUtil"),
    MEMORY_USED,
    POWER,
    // The largest counter whose millijoules are still a safe integer.
    range("energyJoules", Number.MAX_SAFE_INTEGER / 1000),
    range("tempC", 250, -60),
    range("smClockMHz", 100_000),
    range("memClockMHz", 100_000),
    range("clockEventReasons", Number.MAX_SAFE_INTEGER, 0, true),
    range("pcieTxBytesPerSec", PETABYTE),
    range("pcieRxBytesPerSec", PETABYTE),
    range("nvlinkTxBytesPerSec", PETABYTE),
    range("nvlinkRxBytesPerSec", PETABYTE),
    ratio("smActive"),
    ratio("smOccupancy"),
    ratio("tensorActive"),
    ratio("dramActive"),
    ratio("intActive"),
    ratio("fp64Active"),
    ratio("fp32Active"),
    ratio("fp16Active"),
    ratio("hmmaActive"),
    ratio("immaActive"),
    ratio("dfmaActive"),
    ratio("encUtil"),
    ratio("decUtil"),
    ratio("jpgUtil"),
    ratio("ofaUtil"),
  ].map((limit) => [limit.name, limit]),
);

/** The signals of a driver's buffer whose meaning is known, with the only unit they come in. */
export const SIGNAL_LIMITS: ReadonlyMap<string, { unit: string; limit: Limit }> = new Map([
  ["power", { unit: "W", limit: POWER }],
  ["gpuUtil", { unit: "ratio", limit: ratio("gpuUtil") }],
  ["memUtil", { unit: "ratio", limit: ratio("memUtil") }],
  ["smClock", { unit: "MHz", limit: range("smClockMHz", 100_000) }],
  ["memClock", { unit: "MHz", limit: range("memClockMHz", 100_000) }],
]);

/** What a process's own figures are held against. */
export const PROCESS_LIMITS = [
  ["smUtil", ratio("gpuUtil")],
  ["memUtil", ratio("memUtil")],
  ["memUsedBytes", MEMORY_USED],
  ["encUtil", ratio("encUtil")],
  ["decUtil", ratio("decUtil")],
] as const satisfies readonly (readonly [string, Limit])[];

/** The value as it may be believed, or undefined where it cannot be true. */
export function plausible(limit: Limit, value: number): number | undefined {
  if (!(value >= limit.min && value <= limit.max)) return undefined;
  if (limit.integer && !Number.isInteger(value)) return undefined;
  return limit.ratio && value > 1 ? 1 : value;
}
