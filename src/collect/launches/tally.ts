import type { KernelLaunches, LaunchSample } from "../../model/sample.ts";
import { type EntryPoint, entryPoint } from "./entry-points.ts";
import type { CountedLaunch, WindowMaps } from "./output.ts";
import { isRuntime } from "./script.ts";

export interface TallySettings {
  /** Unix milliseconds at which the window ended. */
  atMs: number;
  bucketMs: number;
  /** All that were watched: one that launched nothing is a finding. */
  pids: Iterable<number>;
  /** What a handle of a process is called, where that is known. */
  nameOf: (pid: number, handle: string) => string | undefined;
}

/** Kernels of a process that are listed; the others are counted together. */
const MAX_LISTED = 256;

/** What each process launched in a window, the most frequent kernel first. */
export function tally(maps: WindowMaps, settings: TallySettings): LaunchSample[] {
  const { startNs, endNs } = maps;
  if (startNs === undefined || endNs === undefined || endNs <= startNs) return [];
  const windowSeconds = (endNs - startNs) / 1e9;
  return [...settings.pids].map((pid) => {
    const counted = countedOnce(maps, pid);
    const listed = merged(counted, pid, settings.nameOf);
    const buckets = bucketsOf(maps, pid, counted.length > 0, windowSeconds, settings.bucketMs);
    const all = buckets.reduce((sum, count) => sum + count, 0);
    const named = listed.slice(0, MAX_LISTED);
    // The maps in the kernel are bounded: what found no room in one is still in the other.
    const rest = Math.max(all, total(listed)) - total(named);
    const list = rest > 0 ? [...named, { count: rest }] : named;
    const rhythm = { bucketSeconds: settings.bucketMs / 1000, counts: buckets };
    return { kind: "launches", atMs: settings.atMs, windowSeconds, pid, list, rhythm };
  });
}

/**
 * A call of the runtime that was seen again as a call of the driver is counted there, where it has
 * its kernel's handle. Most of them must have been: a runtime that reaches the driver by another way
 * is counted itself.
 */
function countedOnce({ launches, nested }: WindowMaps, pid: number): CountedLaunch[] {
  const own = launches.filter((each) => each.pid === pid && entryPoint(each.entry));
  const byRuntime = own.filter(({ entry }) => isRuntimeEntry(entry));
  if (2 * (nested.get(pid) ?? 0) < total(byRuntime)) return own;
  return own.filter(({ entry }) => !isRuntimeEntry(entry));
}

function bucketsOf(
  maps: WindowMaps,
  pid: number,
  isActive: boolean,
  windowSeconds: number,
  bucketMs: number,
): number[] {
  const length = Math.floor((1000 * windowSeconds) / bucketMs);
  const counts = Array.from({ length }, () => 0);
  if (!isActive) return counts;
  const isRuntimeCounted = countedOnce(maps, pid).some(({ entry }) => isRuntimeEntry(entry));
  for (const { pid: of, isRuntime: isOfRuntime, bucket, count } of maps.rhythm) {
    if (of !== pid || (isOfRuntime && !isRuntimeCounted)) continue;
    const at = Math.min(bucket, counts.length - 1);
    if (at >= 0) counts[at] = (counts[at] ?? 0) + count;
  }
  return counts;
}

/** One row for each kernel and shape, however many handles it has. */
function merged(
  counted: readonly CountedLaunch[],
  pid: number,
  nameOf: TallySettings["nameOf"],
): KernelLaunches[] {
  const rows = new Map<string, KernelLaunches & { count: number }>();
  for (const launch of counted) {
    const entry = entryPoint(launch.entry);
    if (!entry) continue;
    const name = nameOf(pid, launch.handle);
    const key = [entry.name, name ?? launch.handle, ...launch.shape].join(" ");
    const known = rows.get(key);
    if (known) known.count += launch.count;
    else rows.set(key, { name, entry: entry.name, count: launch.count, ...sizes(entry, launch) });
  }
  return [...rows.values()].sort((a, b) => b.count - a.count);
}

/** Groups and their size. OpenCL counts in work-items, and may leave the size of a group open. */
function sizes(
  { shape }: EntryPoint,
  { shape: values }: CountedLaunch,
): Pick<KernelLaunches, "grid" | "block"> {
  const [first, second] = [values.slice(0, 3), values.slice(3, 6)];
  const isTold = (dimensions: readonly number[]): boolean => dimensions.every((each) => each > 0);
  if (shape === "handle" || shape === "opaque" || !isTold(first)) return {};
  if (!isTold(second)) return { grid: first };
  if (shape !== "ndrange" && shape !== "work-items") return { grid: first, block: second };
  return { grid: first.map((items, i) => Math.ceil(items / (second[i] ?? 1))), block: second };
}

function isRuntimeEntry(id: number): boolean {
  const entry = entryPoint(id);
  return entry !== undefined && isRuntime(entry);
}

function total(all: readonly { count?: number | undefined }[]): number {
  return all.reduce((sum, { count = 0 }) => sum + count, 0);
}
