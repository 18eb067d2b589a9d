import type { KernelLaunches, LaunchSample } from "../model/sample.ts";
import type { Signature } from "../model/signature.ts";
import { toldWithin, type Window } from "../model/window.ts";

/** A handful of launches has neither a rate nor a variety. */
const MIN_LAUNCHES = 20;
/** Kernels that are told apart; a process may invent names without end. */
const MAX_KERNELS = 4096;

type LaunchFeatures = Pick<
  Signature["features"],
  "launchesPerSecond" | "launchVariety" | "launchTopShare"
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
  };
}

/** The same kernel in another shape is another piece of work. */
function kernelKey({ name, entry, grid, block }: KernelLaunches): string {
  return JSON.stringify([name, entry, grid, block]);
}
