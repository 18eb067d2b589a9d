import { readMeasuredU32, readMeasuredU64, readU32, view } from "./layouts.ts";

/** Room per entry that holds either form of the process list. */
export const PROCESS_ENTRY_MAX = 32;
/** What a list's buffer is filled with before the call, to tell what the driver wrote. */
export const UNTOUCHED = 0xa5;
export const UTILIZATION_ENTRY = 32;

const NARROW = 24;
/** Linux never gives out a greater process id. */
const MAX_PID = 4_194_304;
const MAX_MEMORY_BYTES = 2 ** 48;

/** One process on a device; memory is undefined where the driver does not tell. */
export interface ProcessEntry {
  pid: number;
  memUsedBytes: number | undefined;
}

/**
 * nvmlProcessInfo_t: pid 0, usedGpuMemory 8, gpuInstanceId 16, computeInstanceId 20.
 * Entries are 24 bytes, but 32 on drivers 535.43 to 535.86: the stride is found from what was written.
 * @param bytes filled with {@link UNTOUCHED} before the call, {@link PROCESS_ENTRY_MAX} per entry
 */
export function decodeProcessList(bytes: Uint8Array, count: number): ProcessEntry[] {
  return decodeWithStride(bytes, count, processStride(bytes, count));
}

/** The stride the driver wrote `count` entries with: 24 or 32. */
export function processStride(bytes: Uint8Array, count: number): number {
  const beyond = bytes.subarray(count * NARROW, count * PROCESS_ENTRY_MAX);
  if (beyond.every((byte) => byte === UNTOUCHED)) return NARROW;
  // Something lies there. A driver that cleared the whole buffer would do that too: look at the pids.
  const wide = decodeWithStride(bytes, count, PROCESS_ENTRY_MAX);
  return wide.every(isPlausible) ? PROCESS_ENTRY_MAX : NARROW;
}

function decodeWithStride(bytes: Uint8Array, count: number, stride: number): ProcessEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    pid: readU32(bytes, i * stride),
    memUsedBytes: readMeasuredU64(bytes, i * stride + 8),
  }));
}

function isPlausible(entry: ProcessEntry): boolean {
  const memory = entry.memUsedBytes ?? 0;
  return entry.pid > 0 && entry.pid <= MAX_PID && memory < MAX_MEMORY_BYTES;
}

/** One process's use of a device over the driver's last period; percents 0..100. */
export interface UtilizationEntry {
  pid: number;
  timestampUs: number;
  sm: number | undefined;
  memory: number | undefined;
}

/** nvmlProcessUtilizationSample_t: pid 0, timeStamp 8 (µs), smUtil 16, memUtil 20, 32 bytes in all. */
export function decodeUtilizationSamples(bytes: Uint8Array, count: number): UtilizationEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const at = i * UTILIZATION_ENTRY;
    return {
      pid: readU32(bytes, at),
      timestampUs: Number(view(bytes).getBigUint64(at + 8, true)),
      sm: percent(bytes, at + 16),
      memory: percent(bytes, at + 20),
    };
  });
}

/** Garbage above 100 has been seen from drivers; all ones say nothing at all. */
function percent(bytes: Uint8Array, offset: number): number | undefined {
  const value = readMeasuredU32(bytes, offset);
  return value === undefined ? undefined : Math.min(100, value);
}

/**
 * The newest sample of each process, without those at or before `lastSeenUs` (the driver hands some
 * out again) and those of no process.
 */
export function newestByPid(
  entries: readonly UtilizationEntry[],
  lastSeenUs: number,
): Map<number, UtilizationEntry> {
  const newest = new Map<number, UtilizationEntry>();
  for (const entry of entries) {
    if (entry.timestampUs <= lastSeenUs || entry.pid <= 0 || entry.pid > MAX_PID) continue;
    const known = newest.get(entry.pid);
    if (!known || entry.timestampUs > known.timestampUs) newest.set(entry.pid, entry);
  }
  return newest;
}
