import type { Window } from "../model/window.ts";
import type { GpuSample } from "../model/sample.ts";
import { correlation } from "./statistics.ts";

/** How far back devices are compared: long enough to hold some steps of a slow training. */
export const LOCKSTEP_CONTEXT_MS = 30_000;

/** With fewer points two unrelated series agree by luck too often. */
const MIN_POINTS = 20;
/** Power sensors are good to a few watts: a device that varies less than this is just steady. */
const MIN_SPREAD_WATTS = 2;

/**
 * The highest correlation of this device's power with that of another busy device of the node.
 * Devices that work on one job wait for each other, so their power rises and falls together.
 * @param own samples of this device, in time order, over at least the context
 * @param peers those of the other devices, each likewise
 * @returns -1..1; undefined where there is no busy peer, or too few common points
 */
export function lockstep(
  own: readonly GpuSample[],
  peers: readonly (readonly GpuSample[])[],
  window: Window,
  bucketMs: number,
): number | undefined {
  const context = { fromMs: window.toMs - LOCKSTEP_CONTEXT_MS, toMs: window.toMs };
  const mine = bucketed(own, context, bucketMs);
  let best: number | undefined;
  for (const peer of peers) {
    const [a, b] = common(mine, bucketed(peer, context, bucketMs));
    if (a.length < MIN_POINTS) continue;
    const found = correlation(a, b, MIN_SPREAD_WATTS);
    if (found !== undefined && (best === undefined || found > best)) best = found;
  }
  return best;
}

/** Mean power of each bucket of time that was sampled, in time order. */
interface Series {
  buckets: number[];
  watts: number[];
}

/**
 * Buckets of time, so that devices read a few milliseconds apart can be compared. Every window of
 * every device asks this of all its peers, so it makes two arrays and nothing for each sample.
 */
function bucketed(samples: readonly GpuSample[], context: Window, bucketMs: number): Series {
  const series: Series = { buckets: [], watts: [] };
  let [sum, count] = [0, 0];
  for (const { atMs, powerWatts } of samples) {
    if (atMs < context.fromMs || atMs >= context.toMs || powerWatts === undefined) continue;
    const bucket = Math.floor(atMs / bucketMs);
    if (bucket !== series.buckets.at(-1)) {
      series.buckets.push(bucket);
      [sum, count] = [0, 0];
    }
    sum += powerWatts;
    count += 1;
    series.watts[series.buckets.length - 1] = sum / count;
  }
  return series;
}

/** The mean powers of the buckets that both have, side by side. */
function common(one: Series, other: Series): [number[], number[]] {
  const [a, b]: [number[], number[]] = [[], []];
  let at = 0;
  one.buckets.forEach((bucket, i) => {
    while ((other.buckets[at] ?? Infinity) < bucket) at += 1;
    const [watts, otherWatts] = [one.watts[i], other.watts[at]];
    if (other.buckets[at] !== bucket || watts === undefined || otherWatts === undefined) return;
    a.push(watts);
    b.push(otherWatts);
  });
  return [a, b];
}
