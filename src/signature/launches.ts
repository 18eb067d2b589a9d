import type { KernelLaunches, LaunchSample } from "../model/sample.ts";
import type { Signature } from "../model/signature.ts";
import { toldWithin, type Window } from "../model/window.ts";

/** A handful of launches has neither a rate nor a variety. */
const MIN_LAUNCHES = 20;
/** Kernels that are told apart; a process may invent names without end. */
const MAX_KERNELS = 4096;
/** Launches that a stretch of the rhythm holds on average, and stretches that make a course. */
const MIN_PER_STRETCH = 10;
const MIN_STRETCHES = 10;

type LaunchFeatures = Pick<
  Signature["features"],
  "launchesPerSecond" | "launchVariety" | "launchTopShare" | "launchRegularity"
>;

/** Rhythm and variety of the kernels that were traced in a window. What they are called says nothing here. */
export function launchFeatures(launches: readonly LaunchSample[], window: Window): LaunchFeatures {
  const inside = toldWithin(launches, window);
  const counts = new Map<string, number>();
  let [total, traced, seconds] = [0, 0, 0];
  for (const { windowSeconds, list } of inside) {
    let own = 0;
    for (const kernel of list) {
      const count = kernel.count ?? 0;
      own += count;
      const key = kernelKey(kernel);
      const isNew = !counts.has(key);
      if (count > 0 && !(isNew && counts.size >= MAX_KERNELS))
        counts.set(key, (counts.get(key) ?? 0) + count);
    }
    total += own;
    if (windowSeconds === undefined) continue;
    traced += own;
    seconds += windowSeconds;
  }
  if (total < MIN_LAUNCHES) return {};
  return {
    launchesPerSecond: seconds > 0 ? traced / seconds : undefined,
    launchVariety: counts.size,
    launchTopShare: Math.max(...counts.values()) / total,
    launchRegularity: regularity(inside),
  };
}

/**
 * How even the course of launches is: 1 where every stretch holds as many, 0 where they vary by as
 * much as their mean or more. Stretches are joined until they hold some launches each, since
 * whole numbers of a few are uneven by themselves. The mean over the traces, by their launches.
 */
function regularity(samples: readonly LaunchSample[]): number | undefined {
  let [sum, weight] = [0, 0];
  for (const { rhythm } of samples) {
    const total = (rhythm?.counts ?? []).reduce((all, count) => all + count, 0);
    const joined = joinedCounts(rhythm?.counts ?? [], total);
    if (joined.length < MIN_STRETCHES) continue;
    const mean = joined.reduce((all, count) => all + count, 0) / joined.length;
    const variance = joined.reduce((all, count) => all + (count - mean) ** 2, 0) / joined.length;
    sum += total * Math.max(0, 1 - Math.sqrt(variance) / mean);
    weight += total;
  }
  return weight > 0 ? sum / weight : undefined;
}

function joinedCounts(counts: readonly number[], total: number): number[] {
  const size = Math.max(1, Math.ceil((MIN_PER_STRETCH * counts.length) / Math.max(total, 1)));
  // The last stretch may be shorter than the others: it would only look like a pause.
  const whole = Math.floor(counts.length / size);
  return Array.from({ length: whole }, (_, i) =>
    counts.slice(i * size, (i + 1) * size).reduce((all, count) => all + count, 0),
  );
}

/** The same kernel in another shape is another piece of work. */
function kernelKey({ name, entry, grid, block }: KernelLaunches): string {
  return JSON.stringify([name, entry, grid, block]);
}
