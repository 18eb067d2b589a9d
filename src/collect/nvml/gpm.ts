import type { GpuQuantity, GpuReadings } from "../../model/sample.ts";
import { LIMITS, plausible } from "../limits.ts";
import { MIB } from "../units.ts";
import type { DeviceCalls } from "./device-calls.ts";
import {
  decodeGpmMetrics,
  decodeGpmSupport,
  encodeGpmRequest,
  encodeGpmSupport,
  GPM_METRICS_GET,
} from "./gpm-layouts.ts";
import { readHandle, SIZES } from "./layouts.ts";
import { isLibraryLost, isUnsupported, NVML } from "./results.ts";

const SUPPORT = "nvmlGpmQueryDeviceSupport";
const ALLOC = "nvmlGpmSampleAlloc";
const METRICS = "nvmlGpmMetricsGet";

/** Two samples must be more than 100 ms apart; the rest is for ticks that come early. */
const MIN_SPAN_MS = 120;
/** Over a hole in the readings the mean of two samples no longer speaks of now. */
const MAX_SPAN_MS = 3000;
/** Samples closer than this are not worth keeping: it bounds how many a fast reader holds. */
const MIN_SPACING_MS = 15;

interface Metric {
  id: number;
  quantity: GpuQuantity;
  unit: "percent" | "MiB/s";
  /** Whether it means something for a whole device, and for a GPU instance. */
  of: "device" | "instance" | "both";
}

/*
 * Metric 1 is measured better by the driver's own utilisation, which a GPU instance has not; traffic
 * has no meaning for an instance, whose links are those of the whole device.
 */
const METRIC_TABLE: readonly Metric[] = [
  { id: 1, quantity: "gpuUtil", unit: "percent", of: "instance" },
  { id: 2, quantity: "smActive", unit: "percent", of: "both" },
  { id: 3, quantity: "smOccupancy", unit: "percent", of: "both" },
  { id: 4, quantity: "intActive", unit: "percent", of: "both" },
  { id: 5, quantity: "tensorActive", unit: "percent", of: "both" },
  { id: 6, quantity: "dfmaActive", unit: "percent", of: "both" },
  { id: 7, quantity: "hmmaActive", unit: "percent", of: "both" },
  { id: 9, quantity: "immaActive", unit: "percent", of: "both" },
  { id: 10, quantity: "dramActive", unit: "percent", of: "both" },
  { id: 11, quantity: "fp64Active", unit: "percent", of: "both" },
  { id: 12, quantity: "fp32Active", unit: "percent", of: "both" },
  { id: 13, quantity: "fp16Active", unit: "percent", of: "both" },
  { id: 20, quantity: "pcieTxBytesPerSec", unit: "MiB/s", of: "device" },
  { id: 21, quantity: "pcieRxBytesPerSec", unit: "MiB/s", of: "device" },
  { id: 60, quantity: "nvlinkRxBytesPerSec", unit: "MiB/s", of: "device" },
  { id: 61, quantity: "nvlinkTxBytesPerSec", unit: "MiB/s", of: "device" },
];

const BY_ID = new Map(METRIC_TABLE.map((metric) => [metric.id, metric]));
const ACTIVITY = METRIC_TABLE.filter(({ of, unit }) => of === "both" && unit === "percent");

/** `GPM metric 5`: what a quantity read by {@link GpmReader} is measured with. */
export function gpmSource(quantity: GpuQuantity): string | undefined {
  const id = METRIC_TABLE.find((metric) => metric.quantity === quantity)?.id;
  return id === undefined ? undefined : `GPM metric ${id}`;
}

interface Sample {
  handle: bigint;
  /** Monotonic. */
  atMs: number;
}

/**
 * The profiling counters of a device, or of one of its GPU instances (GPM: Hopper and newer). They are
 * means between two samples; the reader keeps a few, so that each reading looks back to the youngest
 * sample that is old enough. GPM takes no lock, so a user's own profiler is not disturbed.
 */
export class GpmReader {
  readonly #calls: DeviceCalls;
  readonly #gpuInstanceId: number | undefined;
  readonly #request = new Uint8Array(GPM_METRICS_GET);
  #wanted: readonly number[];
  #supported: boolean | undefined;
  /** Samples to look back to, oldest first. */
  #kept: Sample[] = [];
  /** Allocated, and free to be written over. */
  #spare: bigint[] = [];

  /**
   * @param calls of the whole device, also for an instance
   * @param options.gpuInstanceId reads this GPU instance alone
   */
  constructor(calls: DeviceCalls, options: { gpuInstanceId?: number | undefined } = {}) {
    this.#calls = calls;
    this.#gpuInstanceId = options.gpuInstanceId;
    const scope = options.gpuInstanceId === undefined ? "device" : "instance";
    this.#wanted = METRIC_TABLE.filter(({ of }) => of === "both" || of === scope).map(
      ({ id }) => id,
    );
  }

  /**
   * The means since an earlier reading; nothing before there are two samples far enough apart.
   * @param nowMs monotonic
   * @param options.maxSpanMs how far back it may look: 3 s by default
   * @param options.gpuUtil the driver's own utilisation, to tell when the counters have stopped
   * @throws DeviceLostError, or AssayError `nvml/library`
   */
  read(
    nowMs: number,
    options: { maxSpanMs?: number | undefined; gpuUtil?: number | undefined } = {},
  ): GpuReadings {
    if (!this.#isUsable()) {
      this.close();
      return {};
    }
    const older = this.#lookBack(nowMs, options.maxSpanMs ?? MAX_SPAN_MS);
    const newer = this.#sample();
    if (newer === undefined) return {};
    this.#keep({ handle: newer, atMs: nowMs });
    const readings = older === undefined ? {} : this.#compare(older, newer);
    return haveStopped(readings, options.gpuUtil) ? {} : readings;
  }

  /** Gives the samples back, as far as the library still takes them. A later reading starts anew. */
  close(): void {
    const handles = [...this.#spare, ...this.#kept.map(({ handle }) => handle)];
    this.#spare = [];
    this.#kept = [];
    for (const handle of handles) {
      // A library that was unloaded under us has taken its memory along.
      if (isLibraryLost(this.#calls.release("nvmlGpmSampleFree", handle))) return;
    }
  }

  #isUsable(): boolean {
    const [sampling] = this.#sampling();
    const symbols = [SUPPORT, ALLOC, METRICS, sampling];
    if (this.#wanted.length === 0 || !symbols.every((key) => this.#calls.isSupported(key))) {
      return false;
    }
    this.#supported ??= this.#calls.read(SUPPORT, encodeGpmSupport(), decodeGpmSupport);
    return this.#supported ?? false;
  }

  /** What is remembered as unsupported, and the call with its arguments before the sample. */
  #sampling() {
    const id = this.#gpuInstanceId;
    if (id === undefined) return ["nvmlGpmSampleGet", "nvmlGpmSampleGet", []] as const;
    return [`nvmlGpmMigSampleGet ${id}`, "nvmlGpmMigSampleGet", [id]] as const;
  }

  /** The youngest sample that is old enough. Those that nobody will look back to are let go of. */
  #lookBack(nowMs: number, maxSpanMs: number): bigint | undefined {
    const span = ({ atMs }: Sample) => nowMs - atMs;
    const youngest = this.#kept.findLast((kept) => span(kept) >= MIN_SPAN_MS);
    const older = youngest && span(youngest) <= maxSpanMs ? youngest : undefined;
    const keptSpanMs = older ? span(older) : MIN_SPAN_MS;
    const isUseful = (kept: Sample) => span(kept) >= 0 && span(kept) <= keptSpanMs;
    this.#spare.push(...this.#kept.filter((kept) => !isUseful(kept)).map(({ handle }) => handle));
    this.#kept = this.#kept.filter(isUseful);
    return older?.handle;
  }

  /** Takes a sample now. It stays in `#spare` until it is written, so that no failure leaks it. */
  #sample(): bigint | undefined {
    const spare = this.#spare.at(-1) ?? this.#allocate();
    if (spare === undefined) return undefined;
    const [key, symbol, before] = this.#sampling();
    const result = this.#calls.call(symbol, [...before, spare], key);
    return result === NVML.success ? this.#spare.pop() : undefined;
  }

  #allocate(): bigint | undefined {
    const bytes = new Uint8Array(SIZES.handle);
    if (this.#calls.callWithoutHandle(ALLOC, [bytes]) !== NVML.success) return undefined;
    const handle = readHandle(bytes);
    this.#spare.push(handle);
    return handle;
  }

  #keep(sample: Sample): void {
    const newest = this.#kept.at(-1);
    const isTooClose = newest && sample.atMs - newest.atMs < MIN_SPACING_MS;
    // It is compared now, and may be written over by the next one.
    if (isTooClose) this.#spare.push(sample.handle);
    else this.#kept.push(sample);
  }

  #compare(older: bigint, newer: bigint): GpuReadings {
    const wanted = this.#wanted;
    encodeGpmRequest(this.#request, older, newer, wanted);
    if (this.#calls.callWithoutHandle(METRICS, [this.#request]) !== NVML.success) return {};
    const readings: GpuReadings = {};
    for (const { id, result, value } of decodeGpmMetrics(this.#request, wanted.length)) {
      const metric = BY_ID.get(id);
      if (isUnsupported(result) || result === NVML.invalidArgument) {
        this.#wanted = this.#wanted.filter((other) => other !== id);
      } else if (metric && result === NVML.success) {
        const believed = inUnits(metric, value);
        if (believed !== undefined) readings[metric.quantity] = believed;
      }
    }
    return readings;
  }
}

/** In the model's unit; NaN, less than 0 and more than a mean can stray over 100 % are garbage. */
function inUnits({ quantity, unit }: Metric, value: number): number | undefined {
  const limit = LIMITS.get(quantity);
  const converted = unit === "percent" ? value / 100 : value * MIB;
  return limit && plausible(limit, converted);
}

/**
 * After some driver errors (Xid 31) all profiling counters have been seen to read 0 while a kernel kept
 * the device at 100 %. A device that does nothing has no such utilisation: nothing was measured.
 */
function haveStopped(readings: GpuReadings, deviceUtil: number | undefined): boolean {
  const gpuUtil = readings.gpuUtil ?? deviceUtil;
  if (gpuUtil !== 1 || readings.smActive !== 0) return false;
  return ACTIVITY.every(({ quantity }) => (readings[quantity] ?? 0) === 0);
}
