import type {
  DeviceHealth,
  DriverSamples,
  GpuInfo,
  GpuReadings,
  ProcessSighting,
} from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { DeviceCalls, throwIfLibraryLost } from "./device-calls.ts";
import {
  decodeMemory,
  decodeMemoryV2,
  decodePciBusId,
  decodeUtilization,
  encodeMemoryV2,
  readHandle,
  readMeasuredU32,
  readMeasuredU64,
  SIZES,
  type MemoryReading,
} from "./layouts.ts";
import type { NvmlLibrary, NvmlSymbol } from "./library.ts";
import { DeviceProcessReader } from "./process-reader.ts";
import { DeviceLostError, NVML, resultText } from "./results.ts";

const POWER_INSTANT = 186;
const SM_CLOCK = 1;
const MEMORY_CLOCK = 2;
const GPU_CORE_SENSOR = 0;
/** A card that reads more has not measured. */
const MAX_CELSIUS = 200;

/** What one device said at one time. `processes` is absent where it does not tell. */
export interface DeviceReading {
  readings: GpuReadings;
  processes: ProcessSighting[] | undefined;
  /** What else it said: buffers of the driver, health. */
  more: readonly (DriverSamples | DeviceHealth)[];
}

/** One device, read through its handle. */
export class NvmlDevice {
  readonly info: GpuInfo;
  readonly #calls: DeviceCalls;
  readonly #processes: DeviceProcessReader;

  constructor(info: GpuInfo, calls: DeviceCalls) {
    this.info = info;
    this.#calls = calls;
    this.#processes = new DeviceProcessReader(calls);
  }

  get handle(): bigint {
    return this.#calls.handle;
  }

  /** Whether `other` is this very device behind the same handle, so that what is known of it holds. */
  isSame(other: NvmlDevice): boolean {
    return this.info.uuid === other.info.uuid && this.#calls.handle === other.#calls.handle;
  }

  /**
   * Everything the device can tell now.
   * @param nowMs monotonic, for what is not read every time
   * @param sinceMs utilisation samples before it no longer speak of now (Unix milliseconds)
   * @throws DeviceLostError when it is gone, or answers nothing at all
   */
  read(atMs: number, nowMs: number, sinceMs: number): DeviceReading {
    const calls = this.#calls;
    calls.takeOutcome();
    const readings = definedOnly({
      ...readUse(calls),
      memUsedBytes: readMemory(calls)?.usedBytes,
      powerWatts: readPowerWatts(calls),
      energyJoules: thousandths(readU64(calls, "nvmlDeviceGetTotalEnergyConsumption")),
      tempC: readCelsius(calls),
      smClockMHz: readClock(calls, SM_CLOCK),
      memClockMHz: readClock(calls, MEMORY_CLOCK),
      clockEventReasons: readReasons(calls),
    });
    const { gpuUtil } = readings;
    const processes = this.#processes.read({ atMs, nowMs, sinceMs, gpuUtil });
    const outcome = calls.takeOutcome();
    if (outcome.answered === 0 && outcome.lastFailure !== undefined) {
      throw new DeviceLostError(outcome.lastFailure);
    }
    return { readings, processes, more: [] };
  }
}

/**
 * Opens the device of an index and reads who it is.
 * @throws DeviceLostError when it does not answer, AssayError when the library does not
 */
export function openDevice(
  library: NvmlLibrary,
  index: number,
  driverVersion: string | undefined,
): NvmlDevice {
  const bytes = new Uint8Array(SIZES.handle);
  const result = library.call("nvmlDeviceGetHandleByIndex_v2", index, bytes);
  throwIfLibraryLost("nvmlDeviceGetHandleByIndex_v2", result, library.path);
  if (result !== NVML.success) throw new DeviceLostError(resultText(result));
  const calls = new DeviceCalls(library, readHandle(bytes));
  const uuid = calls.text("nvmlDeviceGetUUID");
  if (uuid === undefined || uuid === "") throw new DeviceLostError("it does not tell its UUID");
  const limitMilliwatts = readU32Of(calls, "nvmlDeviceGetEnforcedPowerLimit");
  const pci = new Uint8Array(SIZES.pciInfo);
  return new NvmlDevice(
    definedOnly({
      index,
      uuid: sanitize(uuid),
      model: sanitize(calls.text("nvmlDeviceGetName") ?? "unknown NVIDIA device"),
      memoryTotalBytes: readMemory(calls)?.totalBytes,
      powerLimitWatts: thousandths(limitMilliwatts),
      pciBusId: calls.read("nvmlDeviceGetPciInfo_v3", pci, decodePciBusId),
      driverVersion,
    }),
    calls,
  );
}

function readUse(calls: DeviceCalls): GpuReadings {
  const bytes = new Uint8Array(SIZES.utilization);
  const use = calls.read("nvmlDeviceGetUtilizationRates", bytes, decodeUtilization);
  return { gpuUtil: use?.gpu, memUtil: use?.memory };
}

/** Device memory. The second form tells what the driver reserves apart from what is used; older drivers lack it. */
export function readMemory(calls: DeviceCalls): MemoryReading | undefined {
  const newer = calls.read("nvmlDeviceGetMemoryInfo_v2", encodeMemoryV2(), decodeMemoryV2);
  if (newer || calls.isSupported("nvmlDeviceGetMemoryInfo_v2")) return newer;
  return calls.read("nvmlDeviceGetMemoryInfo", new Uint8Array(SIZES.memory), decodeMemory);
}

/** Instant power where the device has it; else the call that averages over a second on newer cards. */
function readPowerWatts(calls: DeviceCalls): number | undefined {
  const instant = calls.fields([POWER_INSTANT]).get(POWER_INSTANT);
  const milliwatts = instant ?? readU32Of(calls, "nvmlDeviceGetPowerUsage");
  return milliwatts !== undefined && milliwatts >= 0 ? milliwatts / 1000 : undefined;
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

/** Without the keys whose value is undefined: not measured is absent. */
function definedOnly<T extends object>(values: T): T {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // Only keys whose value may be undefined, hence optional ones, are left out.
  return Object.fromEntries(entries) as T;
}
