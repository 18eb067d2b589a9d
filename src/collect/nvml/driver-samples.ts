import type { DriverSamples } from "../../model/sample.ts";
import type { DeviceCalls } from "./device-calls.ts";
import { readU32, SIZES, view } from "./layouts.ts";
import { NVML } from "./results.ts";
import {
  believedSamples,
  BUFFER_SAMPLE,
  decodeBufferSamples,
  type BufferSample,
} from "./sample-layouts.ts";

const SAMPLES = "nvmlDeviceGetSamples";

/** The driver's buffers hold several seconds: more often would only cost. The rest is for jitter. */
const PERIOD_MS = 950;
/** Values on one line of a recording. */
const MAX_VALUES = 1000;
/** Far more than a buffer ever holds: beyond it the driver's count is garbage. */
const MAX_CAPACITY = 16_384;
/** How far a sample's timestamp may run ahead of our clock before it counts as garbage. */
const MAX_AHEAD_US = 60_000_000;

interface Signal {
  /** nvmlSamplingType_t */
  type: number;
  name: string;
  unit: string;
  /** What the driver's unit is in ours. */
  scale: number;
  /** In the driver's unit: a greater value is garbage. */
  max: number;
}

const SIGNALS: readonly Signal[] = [
  { type: 0, name: "power", unit: "W", scale: 1000, max: 100_000_000 },
  { type: 1, name: "gpuUtil", unit: "ratio", scale: 100, max: 100 },
  { type: 2, name: "memUtil", unit: "ratio", scale: 100, max: 100 },
  { type: 5, name: "smClock", unit: "MHz", scale: 1, max: 100_000 },
  { type: 6, name: "memClock", unit: "MHz", scale: 1, max: 100_000 },
];

/**
 * The driver's own buffers of recent samples: finer structure than our readings, at one call a second
 * for each signal.
 */
export class DriverSampleReader {
  readonly #gpu: number;
  readonly #buffers: readonly DriverBuffer[];
  #readAtMs: number | undefined;

  /** @param signals the names of those that are read: all by default */
  constructor(calls: DeviceCalls, gpu: number, signals?: readonly string[]) {
    this.#gpu = gpu;
    const wanted = SIGNALS.filter(({ name }) => signals?.includes(name) ?? true);
    this.#buffers = wanted.map((signal) => new DriverBuffer(calls, signal));
  }

  /**
   * What came into the buffers since they were last read, which they are at most once a second.
   * @param nowMs monotonic
   * @param sinceMs what was in them before, at the first reading, is not asked for (Unix milliseconds)
   */
  read(atMs: number, nowMs: number, sinceMs: number): DriverSamples[] {
    const last = this.#readAtMs;
    if (last !== undefined && nowMs - last < PERIOD_MS && nowMs >= last) return [];
    this.#readAtMs = nowMs;
    return this.#buffers.flatMap((buffer) => buffer.read(this.#gpu, atMs, sinceMs));
  }
}

class DriverBuffer {
  readonly #calls: DeviceCalls;
  readonly #signal: Signal;
  readonly #key: string;
  #capacity = 0;
  #lastSeenUs: number | undefined;

  constructor(calls: DeviceCalls, signal: Signal) {
    this.#calls = calls;
    this.#signal = signal;
    this.#key = `${SAMPLES} ${signal.type}`;
  }

  read(gpu: number, atMs: number, sinceMs: number): DriverSamples[] {
    if (!this.#calls.isSupported(this.#key)) return [];
    const horizonUs = atMs * 1000 + MAX_AHEAD_US;
    // After the wall clock was set back, an old mark would hide every sample until it has caught up.
    const mark = this.#lastSeenUs ?? Number.POSITIVE_INFINITY;
    const afterUs = mark > horizonUs ? sinceMs * 1000 : mark;
    const { max, scale, name: signal, unit } = this.#signal;
    const samples = believedSamples(this.#fetch(afterUs), { afterUs, horizonUs, min: 0, max });
    this.#lastSeenUs = samples.at(-1)?.timestampUs ?? afterUs;
    return linesOf(samples).map((line) => ({
      kind: "samples",
      atMs,
      gpu,
      signal,
      unit,
      ...timesOf(line),
      values: line.map(({ value }) => value / scale),
    }));
  }

  #fetch(afterUs: number): BufferSample[] {
    if (this.#capacity === 0) this.#capacity = this.#count(afterUs);
    if (this.#capacity === 0) return [];
    const bytes = new Uint8Array(this.#capacity * BUFFER_SAMPLE);
    const { result, found, valueType } = this.#ask(afterUs, this.#capacity, bytes);
    const isFull = found >= this.#capacity;
    const samples =
      result === NVML.success
        ? decodeBufferSamples(bytes, Math.min(found, this.#capacity), valueType)
        : [];
    // It may hold more than there was room for: ask for its size again the next time.
    if (isFull || result === NVML.insufficientSize) this.#capacity = 0;
    return samples;
  }

  /** How many samples the buffer may hold: the call without a place to write them. */
  #count(afterUs: number): number {
    const { result, found } = this.#ask(afterUs, 0, null);
    const answered = result === NVML.success || result === NVML.insufficientSize;
    return answered ? Math.min(found, MAX_CAPACITY) : 0;
  }

  #ask(afterUs: number, capacity: number, bytes: Uint8Array | null) {
    const valueType = new Uint8Array(SIZES.u32);
    const count = new Uint8Array(SIZES.u32);
    view(count).setUint32(0, capacity, true);
    const since = BigInt(Math.max(0, Math.floor(afterUs)));
    const args = [this.#signal.type, since, valueType, count, bytes];
    const result = this.#calls.call(SAMPLES, args, this.#key);
    return { result, found: readU32(count), valueType: readU32(valueType) };
  }
}

function linesOf(samples: readonly BufferSample[]): BufferSample[][] {
  const lines: BufferSample[][] = [];
  for (let at = 0; at < samples.length; at += MAX_VALUES) {
    lines.push(samples.slice(at, at + MAX_VALUES));
  }
  return lines;
}

function timesOf(line: readonly BufferSample[]): { fromMs: number; offsetsMs: number[] } {
  const times = line.map(({ timestampUs }) => Math.floor(timestampUs / 1000));
  const fromMs = times[0] ?? 0;
  return { fromMs, offsetsMs: times.map((time) => time - fromMs) };
}
