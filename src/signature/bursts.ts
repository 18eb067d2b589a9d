import type { Signature } from "../model/signature.ts";
import type { ContextBucket } from "./bucket.ts";
import { mean, spread } from "./statistics.ts";

/** Three spaces between bursts: with fewer, any three events look regular or not by luck. */
const MIN_BURSTS = 4;
/** A flicker of use between two rests is housekeeping, not a burst of work. */
const MIN_BURST_UTIL = 0.2;
/** Of the context that must have been measured before a rhythm of rests is claimed. */
const MIN_MEASURED_MS = 20_000;

/** Work that rests in more of its time than this comes in bursts; in less, a rest is a hiccup. */
export const RESTING_SHARE = 0.05;

/** What a rhythm is told by; where no utilisation was measured, any work is a burst. */
type BurstBucket = Pick<ContextBucket, "number" | "busy" | "resting"> &
  Partial<Pick<ContextBucket, "highestUtil">>;

type BurstFeatures = Pick<Signature["features"], "burstsPerMinute" | "burstRegularity">;

/**
 * The rhythm of work that rests in between. A clock that starts it gives evenly spaced beginnings;
 * requests that arrive by themselves give spaces whose deviation is about their mean.
 */
export function burstFeatures(buckets: readonly BurstBucket[], bucketMs: number): BurstFeatures {
  if (buckets.length * bucketMs < MIN_MEASURED_MS) return {};
  const starts: number[] = [];
  let [begun, isBurst]: [number | undefined, boolean] = [undefined, false];
  let resting = false;
  for (const { number, busy, resting: rests, highestUtil = 1 } of buckets) {
    // A bucket that holds both is an edge: the burst goes on, or has just begun.
    if (busy > 0) {
      if (resting) [begun, isBurst] = [number, false];
      if (begun !== undefined && !isBurst && highestUtil >= MIN_BURST_UTIL) {
        starts.push(begun);
        isBurst = true;
      }
      resting = false;
    } else if (rests > 0) resting = true;
  }
  const minutes = (buckets.length * bucketMs) / 60_000;
  const spaces = starts.slice(1).map((start, i) => start - (starts[i] ?? start));
  const [centre, deviation] = [mean(spaces), spread(spaces)];
  return {
    burstsPerMinute: starts.length / minutes,
    burstRegularity:
      starts.length < MIN_BURSTS || !centre || deviation === undefined
        ? undefined
        : Math.max(0, 1 - deviation / centre),
  };
}
