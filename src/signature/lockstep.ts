import type { Window } from "../model/window.ts";
import type { GpuSample } from "../model/sample.ts";
import { correlation, mean } from "./statistics.ts";

/** How far back devices are compared: long enough to hold some steps of a slow training. */
export const LOCKSTEP_CONTEXT_MS = 30_000;

/** With fewer points two unrelated series agree by luck too often. */
const MIN_POINTS = 20;
/** Power sensors are good to a few watts: a device that varies less than this is just steady. */
const MIN_SPREAD_WATTS = 2;

/**
 * The highest correlation of this device's power with that of another busy device of the node.
 * Devices that work on one job wait for each other, so their power rises and falls together.
 * @param peers samples of the other devices, in time order, each over at least the context
 * @returns -1..1; undefined where there is no busy peer, or too few common points
 */
export function lockstep(
  own: readonly GpuSample[],
  peers: readonly (readonly GpuSample[])[],
  window: Window,
  bucketMs: number,
): number | undefined {
  const context = { fromMs: window.toMs - LOCKSTEP_CONTEXT_MS, toMs: window.toMs };
  const mine = buckets(own, context, bucketMs);
  let best: number | undefined;
  for (const peer of peers) {
    const theirs = buckets(peer, context, bucketMs);
    const common = [...mine.keys()].filter((key) => theirs.has(key));
    if (common.length < MIN_POINTS) continue;
    const a = common.map((key) => mine.get(key) ?? 0);
    const b = common.map((key) => theirs.get(key) ?? 0);
    const found = correlation(a, b, MIN_SPREAD_WATTS);
    if (found !== undefined && (best === undefined || found > best)) best = found;
  }
  return best;
}

/** Mean power by bucket of time, so that devices read a few milliseconds apart can be compared. */
function buckets(
  samples: readonly GpuSample[],
  context: Window,
  bucketMs: number,
): Map<number, number> {
  const grouped = new Map<number, number[]>();
  for (const { atMs, powerWatts } of samples) {
    if (atMs < context.fromMs || atMs >= context.toMs || powerWatts === undefined) continue;
    const key = Math.floor(atMs / bucketMs);
    const group = grouped.get(key);
    if (group) group.push(powerWatts);
    else grouped.set(key, [powerWatts]);
  }
  return new Map([...grouped].map(([key, values]) => [key, mean(values) ?? 0]));
}
