import type { DeviceCalls } from "./device-calls.ts";
import {
  decodeMemory,
  decodeMemoryV2,
  decodeUtilization,
  encodeMemoryV2,
  readMeasuredU32,
  readMeasuredU64,
  SIZES,
  type MemoryReading,
} from "./layouts.ts";
import type { NvmlSymbol } from "./library.ts";
import type { Readings } from "./measured.ts";

/** The field of the power drawn now, not of an average. */
export const POWER_INSTANT = 186;
const SM_CLOCK = 1;
const MEMORY_CLOCK = 2;
const GPU_CORE_SENSOR = 0;
/** A card that reads more has not measured. */
const MAX_CELSIUS = 200;
const MAX_WATTS = 100_000;

export function readUse(calls: DeviceCalls, readings: Readings): void {
  const symbol = "nvmlDeviceGetUtilizationRates";
  const use = calls.read(symbol, new Uint8Array(SIZES.utilization), decodeUtilization);
  readings.add("gpuUtil", use?.gpu, symbol);
  readings.add("memUtil", use?.memory, symbol);
}

export function readState(calls: DeviceCalls, readings: Readings): void {
  const energy = "nvmlDeviceGetTotalEnergyConsumption";
  readings.add("memUsedBytes", readMemory(calls)?.usedBytes, memorySymbol(calls));
  readings.add("energyJoules", thousandths(readU64(calls, energy)), energy);
  readings.add("tempC", readCelsius(calls), "nvmlDeviceGetTemperature");
  readings.add("smClockMHz", readClock(calls, SM_CLOCK), "nvmlDeviceGetClockInfo");
  readings.add("memClockMHz", readClock(calls, MEMORY_CLOCK), "nvmlDeviceGetClockInfo");
  readings.add("clockEventReasons", readReasons(calls), reasonsSymbol(calls));
}

/**
 * Instant power where the device has it; else the call that averages over a second on newer cards.
 * @param instant field {@link POWER_INSTANT}, in milliwatts
 */
export function readPower(
  calls: DeviceCalls,
  instant: number | undefined,
  readings: Readings,
): void {
  readings.add("powerWatts", thousandths(instant), `field ${POWER_INSTANT} (instant power)`);
  if (readings.values.powerWatts !== undefined) return;
  const symbol = "nvmlDeviceGetPowerUsage";
  readings.add("powerWatts", thousandths(readU32Of(calls, symbol)), symbol);
}

export function readPowerLimit(calls: DeviceCalls): number | undefined {
  const watts = thousandths(readU32Of(calls, "nvmlDeviceGetEnforcedPowerLimit"));
  return watts !== undefined && watts > 0 && watts <= MAX_WATTS ? watts : undefined;
}

/** The second form tells what the driver reserves apart from what is used; older drivers lack it. */
export function readMemory(calls: DeviceCalls): MemoryReading | undefined {
  const newer = calls.read("nvmlDeviceGetMemoryInfo_v2", encodeMemoryV2(), decodeMemoryV2);
  if (newer || calls.isSupported("nvmlDeviceGetMemoryInfo_v2")) return newer;
  return calls.read("nvmlDeviceGetMemoryInfo", new Uint8Array(SIZES.memory), decodeMemory);
}

/** The call that tells the memory of a device. */
export function memorySymbol(calls: DeviceCalls): NvmlSymbol {
  const newer = "nvmlDeviceGetMemoryInfo_v2";
  return calls.isSupported(newer) ? newer : "nvmlDeviceGetMemoryInfo";
}

function readCelsius(calls: DeviceCalls): number | undefined {
  const value = readU32Of(calls, "nvmlDeviceGetTemperature", [GPU_CORE_SENSOR]);
  return value !== undefined && value <= MAX_CELSIUS ? value : undefined;
}

function readClock(calls: DeviceCalls, type: number): number | undefined {
  return readU32Of(calls, "nvmlDeviceGetClockInfo", [type], `clock ${type}`);
}

/** The call was renamed in driver 535: same mask, either name. */
function readReasons(calls: DeviceCalls): number | undefined {
  const symbol = "nvmlDeviceGetCurrentClocksEventReasons";
  const mask = readU64(calls, symbol);
  if (mask !== undefined || calls.isSupported(symbol)) return mask;
  return readU64(calls, "nvmlDeviceGetCurrentClocksThrottleReasons");
}

function reasonsSymbol(calls: DeviceCalls): NvmlSymbol {
  const newer = "nvmlDeviceGetCurrentClocksEventReasons";
  return calls.isSupported(newer) ? newer : "nvmlDeviceGetCurrentClocksThrottleReasons";
}

function readU32Of(
  calls: DeviceCalls,
  symbol: NvmlSymbol,
  before: readonly number[] = [],
  key: string = symbol,
): number | undefined {
  return calls.read(symbol, new Uint8Array(SIZES.u32), readMeasuredU32, { before, key });
}

function readU64(calls: DeviceCalls, symbol: NvmlSymbol): number | undefined {
  return calls.read(symbol, new Uint8Array(SIZES.u64), readMeasuredU64);
}

/** Milliwatts as watts, millijoules as joules. */
function thousandths(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value / 1000;
}
