import { readMeasuredU64, readU32, view } from "./layouts.ts";

/** Room per entry that holds either form of the process list. */
export const PROCESS_ENTRY_MAX = 32;
/** What a list's buffer is filled with before the call, to tell what the driver wrote. */
export const UNTOUCHED = 0xa5;
export const UTILIZATION_ENTRY = 32;
export const UTILIZATION_INFO_ENTRY = 40;
/** Where in the newer call's request the count, and the pointer to the entries, lie. */
export const UTILIZATION_COUNT_AT = 4;
export const UTILIZATION_ENTRIES_AT = 16;

const UTILIZATION_REQUEST = 24;
const NARROW = 24;
/** Linux never gives out a greater process id. */
export const MAX_PID = 4_194_304;
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

/**
 * One process's use of a device over the driver's last period; percents 0..100, undefined where the
 * driver does not tell or told garbage.
 */
export interface UtilizationEntry {
  pid: number;
  timestampUs: number;
  sm: number | undefined;
  memory: number | undefined;
  encoder?: number | undefined;
  decoder?: number | undefined;
}

/** nvmlProcessUtilizationSample_t: pid 0, timeStamp 8 (µs), smUtil 16, memUtil 20, encUtil 24, decUtil 28. */
export function decodeUtilizationSamples(bytes: Uint8Array, count: number): UtilizationEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const at = i * UTILIZATION_ENTRY;
    return { pid: readU32(bytes, at), ...useOf(bytes, at + 8, at + 16) };
  });
}

/**
 * nvmlProcessUtilizationInfo_v1_t: timeStamp 0 (µs), pid 8, smUtil 12, memUtil 16, encUtil 20,
 * decUtil 24; jpgUtil 28 and ofaUtil 32 have no place in a sighting.
 */
export function decodeUtilizationInfos(bytes: Uint8Array, count: number): UtilizationEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const at = i * UTILIZATION_INFO_ENTRY;
    return { pid: readU32(bytes, at + 8), ...useOf(bytes, at, at + 12) };
  });
}

/** Both forms have the four percents one after the other. */
function useOf(bytes: Uint8Array, timestampAt: number, percentsAt: number) {
  return {
    timestampUs: Number(view(bytes).getBigUint64(timestampAt, true)),
    sm: percent(bytes, percentsAt),
    memory: percent(bytes, percentsAt + 4),
    encoder: percent(bytes, percentsAt + 8),
    decoder: percent(bytes, percentsAt + 12),
  };
}

/** Garbage above 100 has been seen from drivers: what it should have been, nobody knows. */
function percent(bytes: Uint8Array, offset: number): number | undefined {
  const value = readU32(bytes, offset);
  return value <= 100 ? value : undefined;
}

/** nvmlProcessesUtilizationInfo_v1_t: version 0, processSamplesCount 4, lastSeenTimeStamp 8, procUtilArray 16. */
export function encodeUtilizationRequest(capacity: number, lastSeenUs: bigint): Uint8Array {
  const bytes = new Uint8Array(UTILIZATION_REQUEST);
  view(bytes).setUint32(0, UTILIZATION_REQUEST | (1 << 24), true);
  view(bytes).setUint32(UTILIZATION_COUNT_AT, capacity, true);
  view(bytes).setBigUint64(8, lastSeenUs, true);
  return bytes;
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

/** A count as NVML takes and gives it back. */
export function encodeCount(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, value, true);
  return bytes;
}
