import type { GpuSample } from "../model/sample.ts";
import { SENSOR_NOISE_WATTS } from "./readings.ts";

/** How far back devices are compared: long enough to hold some steps of a slow training. */
export const LOCKSTEP_CONTEXT_MS = 30_000;

/** Sensors refresh no faster than this, so finer buckets would compare repeated values. */
const MIN_BUCKET_MS = 100;
/** With fewer points two unrelated series agree by luck too often. */
const MIN_POINTS = 20;

/**
 * The course of one device's power in buckets of time, so that devices that are read a few
 * milliseconds apart can be compared. It is kept as the samples come, because every window of every
 * device asks for those of all its peers.
 */
export class PowerCourse {
  readonly bucketMs: number;
  readonly buckets: number[] = [];
  /** Mean power of each bucket. */
  readonly watts: number[] = [];
  #sum = 0;
  #count = 0;

  constructor(intervalMs: number) {
    this.bucketMs = Math.max(MIN_BUCKET_MS, intervalMs);
  }

  /** Samples come in time order. */
  add({ atMs, powerWatts }: GpuSample): void {
    if (powerWatts === undefined) return;
    const bucket = Math.floor(atMs / this.bucketMs);
    if (bucket !== this.buckets.at(-1)) {
      this.buckets.push(bucket);
      this.watts.push(powerWatts);
      [this.#sum, this.#count] = [0, 0];
    }
    this.#sum += powerWatts;
    this.#count += 1;
    this.watts[this.watts.length - 1] = this.#sum / this.#count;
  }

  /** Forgets what no window that begins then or later compares. */
  forget(windowFromMs: number): void {
    const keepFrom = (windowFromMs - LOCKSTEP_CONTEXT_MS) / this.bucketMs;
    const keep = this.buckets.findIndex((bucket) => bucket >= keepFrom);
    // In one piece now and then: shifting two arrays with every window costs more than it saves.
    if (keep < 0 || keep < this.buckets.length / 2) return;
    this.buckets.splice(0, keep);
    this.watts.splice(0, keep);
  }
}

/**
 * The highest correlation of this device's power with that of another device of the node, over the
 * context that ends at `toMs`. Devices that work on one job wait for each other, so their power
 * rises and falls together.
 * @returns -1..1; undefined where there is no peer that varies, too few common points, or where the
 *   devices are read at different rates
 */
export function lockstep(
  own: PowerCourse,
  peers: readonly PowerCourse[],
  toMs: number,
): number | undefined {
  let best: number | undefined;
  for (const peer of peers) {
    if (peer.bucketMs !== own.bucketMs) continue;
    const found = correlation(own, peer, toMs);
    if (found !== undefined && (best === undefined || found > best)) best = found;
  }
  return best;
}

/** Pearson's, over the buckets that both have; undefined if either varies by less than a sensor's noise. */
function correlation(one: PowerCourse, other: PowerCourse, toMs: number): number | undefined {
  const [first, last] = [(toMs - LOCKSTEP_CONTEXT_MS) / one.bucketMs, toMs / one.bucketMs];
  const [centreA, centreB] = [one.watts[0] ?? 0, other.watts[0] ?? 0];
  let [count, a, b, aa, bb, ab] = [0, 0, 0, 0, 0, 0];
  let at = 0;
  for (let i = 0; i < one.buckets.length; i += 1) {
    const bucket = one.buckets[i] ?? 0;
    if (bucket < first) continue;
    if (bucket >= last) break;
    while ((other.buckets[at] ?? Infinity) < bucket) at += 1;
    if (other.buckets[at] !== bucket) continue;
    // Sums of differences from any near value lose no digits where those of the watts would.
    const x = (one.watts[i] ?? 0) - centreA;
    const y = (other.watts[at] ?? 0) - centreB;
    count += 1;
    a += x;
    b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  if (count < MIN_POINTS) return undefined;
  const spreadA = Math.sqrt(Math.max(0, aa / count - (a / count) ** 2));
  const spreadB = Math.sqrt(Math.max(0, bb / count - (b / count) ** 2));
  if (spreadA < SENSOR_NOISE_WATTS || spreadB < SENSOR_NOISE_WATTS) return undefined;
  return (ab / count - (a / count) * (b / count)) / (spreadA * spreadB);
}
