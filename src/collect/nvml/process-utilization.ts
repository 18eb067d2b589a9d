import type { DeviceCalls } from "./device-calls.ts";
import { readU32 } from "./layouts.ts";
import {
  decodeUtilizationInfos,
  decodeUtilizationSamples,
  encodeCount,
  encodeUtilizationRequest,
  newestByPid,
  UTILIZATION_COUNT_AT,
  UTILIZATION_ENTRIES_AT,
  UTILIZATION_ENTRY,
  UTILIZATION_INFO_ENTRY,
  type UtilizationEntry,
} from "./process-layouts.ts";
import { isUnsupported, NVML } from "./results.ts";

const OLDER = "nvmlDeviceGetProcessUtilization";
const NEWER = "nvmlDeviceGetProcessesUtilizationInfo";

/** Far more than a device ever has: beyond it the driver's count is garbage. */
const MAX_CAPACITY = 65_536;
const MAX_ATTEMPTS = 4;
/** Room for processes that start between asking for the count and asking for the samples. */
const SPARE = 16;
/** A device that is used this much cannot have processes that all do nothing. */
const BUSY_FROM = 0.5;
/** So often in a row that is an older call that does not work here, not an unlucky moment. */
const EMPTY_READINGS = 3;

type Answer = UtilizationEntry[] | "unsupported" | "failed";
type Use = Map<number, UtilizationEntry>;

/** The moment of a reading, and how busy the device itself was. */
export interface UseRequest {
  /** Unix milliseconds. */
  atMs: number;
  /** Samples before it no longer speak of now, nor do those as far in the future (Unix milliseconds). */
  sinceMs: number;
  /** Of the whole device, 0..1. */
  gpuUtil?: number | undefined;
}

/**
 * How much each process used a device. Two calls tell it: the older one answers 0 for everybody on
 * some Blackwell cards, the newer one is missing before driver 550. One of them is believed, never
 * the sum of both.
 */
export class UtilizationReader {
  readonly #calls: DeviceCalls;
  #lastSeenUs: number | undefined;
  #useNewer = false;
  #emptyReadings = 0;

  constructor(calls: DeviceCalls) {
    this.#calls = calls;
  }

  /** The newest sample since the last reading of each process; empty where nothing is told. */
  read(request: UseRequest): Use {
    const { atMs, sinceMs } = request;
    const horizonUs = (atMs + (atMs - sinceMs)) * 1000;
    // After the wall clock was set back, the old mark would hide every sample until it is reached.
    const mark = this.#lastSeenUs;
    const known = mark === undefined || mark > horizonUs ? 0 : mark;
    const lastSeenUs = Math.max(known, sinceMs * 1000);
    const believe = (entries: readonly UtilizationEntry[]): Use =>
      newestByPid(
        entries.filter(({ timestampUs }) => timestampUs <= horizonUs),
        lastSeenUs,
      );
    const use = this.#choose(lastSeenUs, believe, request.gpuUtil);
    this.#lastSeenUs = lastSeenUs;
    for (const { timestampUs } of use.values()) {
      this.#lastSeenUs = Math.max(this.#lastSeenUs, timestampUs);
    }
    return use;
  }

  #choose(
    lastSeenUs: number,
    believe: (entries: readonly UtilizationEntry[]) => Use,
    gpuUtil: number | undefined,
  ): Use {
    const older = this.#useNewer ? "unsupported" : this.#older(lastSeenUs);
    if (older === "unsupported") {
      const newer = this.#newer(lastSeenUs);
      this.#useNewer = newer !== "unsupported";
      return believe(entriesOf(newer));
    }
    const use = believe(entriesOf(older));
    if (older === "failed" || !this.#isOddlyIdle(use, gpuUtil)) return use;
    const newer = believe(entriesOf(this.#newer(lastSeenUs)));
    this.#useNewer = didWork(newer);
    return this.#useNewer ? newer : use;
  }

  /** Whether nobody did anything for several readings of a device that was busy. */
  #isOddlyIdle(use: Use, gpuUtil: number | undefined): boolean {
    if (didWork(use)) this.#emptyReadings = 0;
    else if (gpuUtil !== undefined && gpuUtil >= BUSY_FROM) this.#emptyReadings += 1;
    if (this.#emptyReadings < EMPTY_READINGS) return false;
    this.#emptyReadings = 0;
    return true;
  }

  #older(lastSeenUs: number): Answer {
    return ask((capacity) => {
      const bytes = capacity === 0 ? null : new Uint8Array(capacity * UTILIZATION_ENTRY);
      const count = encodeCount(capacity);
      const result = this.#calls.call(OLDER, [bytes, count, asU64(lastSeenUs)]);
      return { result, found: readU32(count), bytes };
    }, decodeUtilizationSamples);
  }

  #newer(lastSeenUs: number): Answer {
    return ask((capacity) => {
      const target = capacity === 0 ? null : new Uint8Array(capacity * UTILIZATION_INFO_ENTRY);
      const bytes = encodeUtilizationRequest(capacity, asU64(lastSeenUs));
      const pointing = { bytes, pointerOffset: UTILIZATION_ENTRIES_AT, target };
      const result = this.#calls.call(NEWER, [pointing]);
      return { result, found: readU32(bytes, UTILIZATION_COUNT_AT), bytes: target };
    }, decodeUtilizationInfos);
  }
}

/** Asks with no room first, which answers the count, then with room for that many. */
function ask(
  call: (capacity: number) => { result: number; found: number; bytes: Uint8Array | null },
  decode: (bytes: Uint8Array, count: number) => UtilizationEntry[],
): Answer {
  let capacity = 0;
  for (let attempt = 0; attempt <= MAX_ATTEMPTS; attempt++) {
    const { result, found, bytes } = call(capacity);
    if (isUnsupported(result)) return "unsupported";
    if (result === NVML.notFound) return [];
    if (result === NVML.success) return bytes ? decode(bytes, Math.min(found, capacity)) : [];
    if (result !== NVML.insufficientSize) return "failed";
    capacity = Math.min(MAX_CAPACITY, Math.max(found, capacity) + SPARE);
  }
  return "failed";
}

function entriesOf(answer: Answer): UtilizationEntry[] {
  return answer === "unsupported" || answer === "failed" ? [] : answer;
}

function didWork(use: Use): boolean {
  return [...use.values()].some(({ sm }) => (sm ?? 0) > 0);
}

function asU64(us: number): bigint {
  return BigInt(Math.max(0, Math.floor(us)));
}
