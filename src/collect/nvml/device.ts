import type {
  DeviceHealth,
  DriverSamples,
  GpuInfo,
  GpuReadings,
  ProcessSighting,
} from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { definedOnly } from "../defined-only.ts";
import { DeviceCalls, throwIfLibraryLost } from "./device-calls.ts";
import { DriverSampleReader } from "./driver-samples.ts";
import { readEngines } from "./engines.ts";
import { GpmReader, gpmSource } from "./gpm.ts";
import { HealthReader } from "./health.ts";
import { decodePciBusId, readHandle, SIZES } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import { Readings, SourceTable } from "./measured.ts";
import { DeviceProcessReader } from "./process-reader.ts";
import { DeviceLostError, NVML, resultText } from "./results.ts";
import {
  POWER_INSTANT,
  readMemory,
  readPower,
  readPowerLimit,
  readState,
  readUse,
} from "./state.ts";
import { TrafficReader } from "./traffic.ts";

const LIMIT_PERIOD_MS = 60_000;
const MAX_SPAN_MS = 3000;

/** What one device said at one time. `processes` is absent where it does not tell. */
export interface DeviceReading {
  readings: GpuReadings;
  processes: ProcessSighting[] | undefined;
  /** What else it said: buffers of the driver, health. */
  more: readonly (DriverSamples | DeviceHealth)[];
}

/** One device, read through its handle. */
export class NvmlDevice {
  readonly #calls: DeviceCalls;
  readonly #processes: DeviceProcessReader;
  readonly #gpm: GpmReader;
  readonly #traffic: TrafficReader;
  readonly #samples: DriverSampleReader;
  readonly #health: HealthReader;
  readonly #sources = new SourceTable();
  #info: GpuInfo;
  #limitReadAtMs: number | undefined;

  constructor(info: GpuInfo, calls: DeviceCalls, signals?: readonly string[]) {
    this.#info = info;
    this.#calls = calls;
    this.#processes = new DeviceProcessReader(calls);
    this.#gpm = new GpmReader(calls);
    this.#traffic = new TrafficReader(calls);
    this.#samples = new DriverSampleReader(calls, info.index, signals);
    this.#health = new HealthReader(calls, info.index);
  }

  /** Who it is. Another object once something of it has changed. */
  get info(): GpuInfo {
    return this.#info;
  }

  /** What NVML knows it by. */
  get handle(): bigint {
    return this.#calls.handle;
  }

  /** Whether `other` is this very device behind the same handle, so that what is known of it holds. */
  isSame(other: NvmlDevice): boolean {
    return this.info.uuid === other.info.uuid && this.handle === other.handle;
  }

  /**
   * Gives back what the library holds for it, and forgets what nothing after a gap may be compared
   * with. It can be read again afterwards. Never throws.
   */
  release(): void {
    this.#gpm.close();
    this.#traffic.forget();
  }

  /**
   * Everything the device can tell now.
   * @param nowMs monotonic, for what is not read every time
   * @param sinceMs utilisation samples before it no longer speak of now (Unix milliseconds)
   * @param xids driver errors of it since the last reading
   * @throws DeviceLostError when it is gone, or answers nothing at all
   */
  read(atMs: number, nowMs: number, sinceMs: number, xids: readonly number[] = []): DeviceReading {
    const calls = this.#calls;
    calls.takeOutcome();
    const readings = this.#readings(nowMs, maxSpanOf(atMs - sinceMs));
    const { gpuUtil } = readings.values;
    const processes = this.#processes.read({ atMs, nowMs, sinceMs, gpuUtil });
    const samples = this.#samples.read(atMs, nowMs, sinceMs);
    const health = this.#health.read(atMs, nowMs, xids);
    const outcome = calls.takeOutcome();
    if (outcome.answered === 0 && outcome.lastFailure !== undefined) {
      throw new DeviceLostError(outcome.lastFailure);
    }
    this.#refreshInfo(readings, nowMs);
    return {
      readings: readings.values,
      processes,
      more: [...samples, ...(health ? [health] : [])],
    };
  }

  #readings(nowMs: number, maxSpanMs: number): Readings {
    const calls = this.#calls;
    const readings = new Readings();
    // All fields in one call.
    const fields = calls.fields([{ id: POWER_INSTANT }, ...this.#traffic.requests()]);
    readUse(calls, readings);
    readState(calls, readings);
    readPower(calls, fields.get(POWER_INSTANT)?.value, readings);
    // Counters come before the profiling metrics of the same traffic: they miss nothing in between.
    this.#traffic.read(fields, nowMs, maxSpanMs, readings);
    this.#readGpm(nowMs, maxSpanMs, readings);
    readEngines(calls, readings);
    return readings;
  }

  #readGpm(nowMs: number, maxSpanMs: number, readings: Readings): void {
    const gpuUtil = readings.values.gpuUtil;
    const metrics = this.#gpm.read(nowMs, { maxSpanMs, gpuUtil });
    readings.addAll(metrics, gpmSource);
  }

  /** Operators change power limits while jobs run, and what a quantity is read by may be found out. */
  #refreshInfo(readings: Readings, nowMs: number): void {
    if (this.#sources.note(readings.sources, nowMs)) {
      this.#info = { ...this.#info, measuredWith: this.#sources.table };
    }
    this.#limitReadAtMs ??= nowMs;
    if (nowMs - this.#limitReadAtMs < LIMIT_PERIOD_MS) return;
    this.#limitReadAtMs = nowMs;
    const powerLimitWatts = readPowerLimit(this.#calls);
    if (powerLimitWatts !== undefined) this.#info = { ...this.#info, powerLimitWatts };
  }
}

/** Over three intervals, or three seconds, a mean no longer speaks of now. @param windowMs two intervals */
function maxSpanOf(windowMs: number): number {
  return Math.max(MAX_SPAN_MS, 1.5 * windowMs);
}

/**
 * Opens the device of an index and reads who it is.
 * @param signals which of the driver's buffers are read of it: all by default
 * @throws DeviceLostError when it does not answer, AssayError when the library does not
 */
export function openDevice(
  library: NvmlLibrary,
  index: number,
  driverVersion: string | undefined,
  signals?: readonly string[],
): NvmlDevice {
  const bytes = new Uint8Array(SIZES.handle);
  const result = library.call("nvmlDeviceGetHandleByIndex_v2", index, bytes);
  throwIfLibraryLost("nvmlDeviceGetHandleByIndex_v2", result, library.path);
  if (result !== NVML.success) throw new DeviceLostError(resultText(result));
  const calls = new DeviceCalls(library, readHandle(bytes));
  const uuid = calls.text("nvmlDeviceGetUUID");
  if (uuid === undefined || uuid === "") throw new DeviceLostError("it does not tell its UUID");
  const pci = new Uint8Array(SIZES.pciInfo);
  return new NvmlDevice(
    definedOnly({
      index,
      uuid: sanitize(uuid),
      model: sanitize(calls.text("nvmlDeviceGetName") ?? "unknown NVIDIA device"),
      memoryTotalBytes: readMemory(calls)?.totalBytes,
      powerLimitWatts: readPowerLimit(calls),
      pciBusId: calls.read("nvmlDeviceGetPciInfo_v3", pci, decodePciBusId),
      driverVersion,
    }),
    calls,
    signals,
  );
}
