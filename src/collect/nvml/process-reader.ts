import type { ProcessSighting } from "../../model/sample.ts";
import type { DeviceCalls } from "./device-calls.ts";
import type { NvmlSymbol } from "./library.ts";
import { readU32, view } from "./layouts.ts";
import {
  decodeProcessList,
  decodeUtilizationSamples,
  newestByPid,
  PROCESS_ENTRY_MAX,
  UNTOUCHED,
  UTILIZATION_ENTRY,
  type ProcessEntry,
  type UtilizationEntry,
} from "./process-layouts.ts";
import { isUnsupported, NVML } from "./results.ts";

const COMPUTE = "nvmlDeviceGetComputeRunningProcesses_v3";
const GRAPHICS = "nvmlDeviceGetGraphicsRunningProcesses_v3";
const UTILIZATION = "nvmlDeviceGetProcessUtilization";

const FIRST_CAPACITY = 64;
/** Far more than a device ever has: beyond it the driver's count is garbage. */
const MAX_CAPACITY = 65_536;
const MAX_ATTEMPTS = 4;
/** Room for processes that start between asking for the count and asking for the list. */
const SPARE = 16;
/** How far a sample's timestamp may run ahead of our clock before it counts as garbage. */
const MAX_AHEAD_US = 60_000_000;

/** Reads who is on one device, and how much each used since the last time. */
export class DeviceProcessReader {
  readonly #calls: DeviceCalls;
  #capacity = FIRST_CAPACITY;
  #lastSeenUs: number | undefined;

  constructor(calls: DeviceCalls) {
    this.#calls = calls;
  }

  /**
   * Processes on the device, by pid; an empty list means that nobody is there.
   * @param sinceMs utilisation samples before it no longer speak of now (Unix milliseconds)
   * @returns undefined where the device does not tell, or a list could not be read whole
   */
  read(atMs: number, sinceMs: number): ProcessSighting[] | undefined {
    const compute = this.#list(COMPUTE);
    if (compute === "unsupported" || compute === "failed") return undefined;
    const graphics = this.#list(GRAPHICS);
    if (graphics === "failed") return undefined;
    const use = this.#utilization(atMs, sinceMs);
    return mergeProcesses(compute, graphics === "unsupported" ? [] : graphics, use);
  }

  #list(symbol: NvmlSymbol): ProcessEntry[] | "unsupported" | "failed" {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const bytes = new Uint8Array(this.#capacity * PROCESS_ENTRY_MAX).fill(UNTOUCHED);
      const count = countOf(this.#capacity);
      const result = this.#calls.call(symbol, [count, bytes]);
      const found = readU32(count);
      if (isUnsupported(result)) return "unsupported";
      if (result === NVML.success) {
        return decodeProcessList(bytes, Math.min(found, this.#capacity));
      }
      if (result !== NVML.insufficientSize) return "failed";
      this.#capacity = Math.min(MAX_CAPACITY, Math.max(found, this.#capacity) + SPARE);
    }
    return "failed";
  }

  #utilization(atMs: number, sinceMs: number): Map<number, UtilizationEntry> {
    const lastSeenUs = Math.max(this.#lastSeenUs ?? 0, sinceMs * 1000);
    const entries = this.#samplesSince(lastSeenUs) ?? [];
    const horizonUs = atMs * 1000 + MAX_AHEAD_US;
    const believed = entries.filter((entry) => entry.timestampUs <= horizonUs);
    const newest = newestByPid(believed, lastSeenUs);
    // After the wall clock was set back, old marks would hide every sample until it has caught up.
    const latest = Math.max(lastSeenUs, ...[...newest.values()].map((entry) => entry.timestampUs));
    this.#lastSeenUs = latest > horizonUs ? atMs * 1000 : latest;
    return newest;
  }

  #samplesSince(lastSeenUs: number): UtilizationEntry[] | undefined {
    const since = BigInt(Math.max(0, Math.floor(lastSeenUs)));
    let bytes: Uint8Array | null = null;
    let capacity = 0;
    for (let attempt = 0; attempt <= MAX_ATTEMPTS; attempt++) {
      const count = countOf(capacity);
      const result = this.#calls.call(UTILIZATION, [bytes, count, since]);
      const found = readU32(count);
      if (result === NVML.notFound) return [];
      if (result === NVML.success) {
        return bytes ? decodeUtilizationSamples(bytes, Math.min(found, capacity)) : [];
      }
      if (result !== NVML.insufficientSize) return undefined;
      capacity = Math.min(MAX_CAPACITY, Math.max(found, capacity) + SPARE);
      bytes = new Uint8Array(capacity * UTILIZATION_ENTRY);
    }
    return undefined;
  }
}

function countOf(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, value, true);
  return bytes;
}

/**
 * One sighting per process from both lists and the utilisation samples. A process that used the
 * device but has left the lists since is still named: it did the work.
 */
export function mergeProcesses(
  compute: readonly ProcessEntry[],
  graphics: readonly ProcessEntry[],
  use: ReadonlyMap<number, UtilizationEntry>,
): ProcessSighting[] {
  const memory = new Map<number, number | undefined>();
  for (const list of [byPid(compute), byPid(graphics)]) {
    // The two lists report the same memory of a process that is in both: the larger, not the sum.
    for (const [pid, bytes] of list) memory.set(pid, larger(memory.get(pid), bytes));
  }
  for (const [pid, sample] of use) {
    const busy = (sample.sm ?? 0) > 0 || (sample.memory ?? 0) > 0;
    if (busy && !memory.has(pid)) memory.set(pid, undefined);
  }
  return [...memory]
    .sort(([a], [b]) => a - b)
    .map(([pid, bytes]) => sighting(pid, bytes, use.get(pid)));
}

/** Memory by pid; a process has an entry for every GPU instance it uses. */
function byPid(entries: readonly ProcessEntry[]): Map<number, number | undefined> {
  const sums = new Map<number, number | undefined>();
  for (const { pid, memUsedBytes } of entries) {
    if (pid === 0) continue;
    const known = sums.get(pid);
    const sum = known === undefined ? memUsedBytes : known + (memUsedBytes ?? 0);
    sums.set(pid, sum);
  }
  return sums;
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function sighting(
  pid: number,
  memUsedBytes: number | undefined,
  use: UtilizationEntry | undefined,
): ProcessSighting {
  return {
    pid,
    ...(use?.sm !== undefined && { smUtil: use.sm / 100 }),
    ...(use?.memory !== undefined && { memUtil: use.memory / 100 }),
    ...(memUsedBytes !== undefined && { memUsedBytes }),
  };
}
