import { bisector } from "d3-array";
import type { GpuSample } from "../model/sample.ts";
import { CONTEXT_MS, type Signature } from "../model/signature.ts";
import type { ContextBucket } from "./bucket.ts";
import { burstFeatures, RESTING_SHARE } from "./bursts.ts";
import { variationOf } from "./readings.ts";
import type { DeviceScale } from "./scale.ts";
import { STEP_CONTEXT_MS, stepFeatures } from "./steps.ts";

/** Sensors refresh no faster, and steps of less than half a second are not told from noise by them. */
const MIN_BUCKET_MS = 200;
/** Variation over the context is of means a second: what is faster belongs to the window. */
const GROUP_MS = 1000;
/** Twenty seconds of work, or twenty readings where they are rarer: fewer show no course. */
const MIN_GROUPS = 20;
/** Less than this is a counter that was read a moment too early, not a pause. */
const WITHOUT_PAUSE_UTIL = 0.99;
/**
 * Clocks that are up and units that rest draw a tenth or so of a board's range; any arithmetic or
 * memory traffic worth the name draws more.
 */
const STALL_POWER_LEVEL = 0.15;

export type ContextFeatures = Pick<
  Signature["features"],
  | "contextPowerVariation"
  | "memHeldVariation"
  | "stallShare"
  | "stepStrength"
  | "stepPeriodSeconds"
  | "irregularVariation"
  | "burstsPerMinute"
  | "burstRegularity"
>;

/** What the context shows beside its features. */
export interface ContextCourse {
  features: ContextFeatures;
  /** Samples of work in it. */
  workReadings: number;
  /** Power of a working device was read some times, and not once with another last digit. */
  isStill: boolean;
}

/** So many equal readings of power under load are no chance. */
const MIN_STILL_READINGS = 5;

/**
 * The last {@link CONTEXT_MS} of one device in buckets of time: the memory is bounded by the number
 * of buckets and a sample costs one of them, however fast the device is read.
 */
export class DeviceContext {
  readonly #buckets: ContextBucket[] = [];
  readonly #bucketMs: number;

  constructor(intervalMs: number) {
    this.#bucketMs = Math.max(MIN_BUCKET_MS, intervalMs);
  }

  /**
   * Samples come in time order.
   * @param activity what the device itself says; where it says nothing, the sample is neither
   */
  add(sample: GpuSample, activity: "busy" | "idle" | "unknown"): void {
    const bucket = this.#bucketOf(Math.floor(sample.atMs / this.#bucketMs));
    const { powerWatts, gpuUtil, memUsedBytes } = sample;
    if (powerWatts !== undefined) {
      bucket.wattsSum += powerWatts;
      bucket.wattsCount += 1;
    }
    if (activity === "busy") bucket.busy += 1;
    if (activity === "idle") bucket.resting += 1;
    if (gpuUtil !== undefined) {
      bucket.lowestUtil = Math.min(gpuUtil, bucket.lowestUtil ?? gpuUtil);
      bucket.highestUtil = Math.max(gpuUtil, bucket.highestUtil ?? gpuUtil);
    }
    if (memUsedBytes !== undefined) {
      bucket.lowestHeldBytes = Math.min(bucket.lowestHeldBytes, memUsedBytes);
      bucket.highestHeldBytes = Math.max(bucket.highestHeldBytes, memUsedBytes);
    }
  }

  /** What the context that ends at `toMs` shows. */
  course(toMs: number, scale: DeviceScale): ContextCourse {
    const buckets = this.#within(toMs - CONTEXT_MS, toMs);
    const worked = buckets.filter(({ busy }) => busy > 0);
    const rested = buckets.length - buckets.filter(({ resting }) => resting === 0).length;
    const rests = rested > RESTING_SHARE * buckets.length;
    const steady = awayFromRests(worked, buckets, GROUP_MS / this.#bucketMs);
    const isStill = neverMoves(worked);
    const features: ContextFeatures = {
      contextPowerVariation: variation(this.#bySecond(steady)),
      memHeldVariation: isStill ? undefined : heldVariation(worked, scale),
      stallShare: stallShare(worked, scale),
      ...(rests
        ? burstFeatures(buckets, this.#bucketMs)
        : stepFeatures(this.#within(toMs - STEP_CONTEXT_MS, toMs), this.#bucketMs)),
    };
    return { features, workReadings: worked.reduce((sum, { busy }) => sum + busy, 0), isStill };
  }

  #bucketOf(number: number): ContextBucket {
    const last = this.#buckets.at(-1);
    if (last && last.number >= number) return last;
    const bucket: ContextBucket = {
      number,
      wattsSum: 0,
      wattsCount: 0,
      busy: 0,
      resting: 0,
      lowestUtil: undefined,
      highestUtil: undefined,
      lowestHeldBytes: Infinity,
      highestHeldBytes: -Infinity,
    };
    this.#buckets.push(bucket);
    // A window may close some seconds after its end: what it looks back on must still be there.
    const oldest = number - (1.5 * CONTEXT_MS) / this.#bucketMs;
    if ((this.#buckets[0]?.number ?? number) < oldest - CONTEXT_MS / this.#bucketMs)
      this.#buckets.splice(0, byNumber.left(this.#buckets, oldest));
    return bucket;
  }

  #within(fromMs: number, toMs: number): ContextBucket[] {
    const from = byNumber.left(this.#buckets, fromMs / this.#bucketMs);
    const to = byNumber.left(this.#buckets, toMs / this.#bucketMs);
    return this.#buckets.slice(from, to);
  }

  /** Mean power of each second that was measured. */
  #bySecond(buckets: readonly ContextBucket[]): number[] {
    const perGroup = Math.max(1, Math.round(GROUP_MS / this.#bucketMs));
    const means: number[] = [];
    let [group, sum, count] = [Number.NaN, 0, 0];
    const close = (): void => void (count > 0 && means.push(sum / count));
    for (const { number, wattsSum, wattsCount } of buckets) {
      const own = Math.floor(number / perGroup);
      if (own !== group) {
        close();
        [group, sum, count] = [own, 0, 0];
      }
      sum += wattsSum;
      count += wattsCount;
    }
    close();
    return means;
  }
}

/** Buckets are in the order of their numbers. */
const byNumber = bisector<ContextBucket, number>(({ number }) => number);

/** Buckets of work with no rest in them nor near them: power follows a change within about a second. */
function awayFromRests(
  worked: readonly ContextBucket[],
  all: readonly ContextBucket[],
  near: number,
): ContextBucket[] {
  const rests = all.filter(({ resting }) => resting > 0).map(({ number }) => number);
  if (rests.length === 0) return [...worked];
  let next = 0;
  return worked.filter(({ number }) => {
    while ((rests[next] ?? Infinity) < number) next += 1;
    const [before, after] = [rests[next - 1] ?? -Infinity, rests[next] ?? Infinity];
    return number - before > near && after - number > near;
  });
}

function neverMoves(worked: readonly ContextBucket[]): boolean {
  const measured = worked.filter(({ wattsCount }) => wattsCount > 0);
  const [first] = measured;
  const readings = measured.reduce((sum, { wattsCount }) => sum + wattsCount, 0);
  if (!first || readings < MIN_STILL_READINGS) return false;
  const watts = first.wattsSum / first.wattsCount;
  return measured.every(
    // A mean of equal numbers may differ from them by its own rounding.
    ({ wattsSum, wattsCount }) => Math.abs(wattsSum / wattsCount - watts) < 1e-9 * watts,
  );
}

function variation(watts: readonly number[]): number | undefined {
  return watts.length < MIN_GROUPS ? undefined : variationOf(watts);
}

function heldVariation(
  worked: readonly ContextBucket[],
  { memoryBytes }: DeviceScale,
): number | undefined {
  if (!memoryBytes) return undefined;
  let [low, high] = [Infinity, -Infinity];
  for (const { lowestHeldBytes, highestHeldBytes } of worked) {
    low = Math.min(low, lowestHeldBytes);
    high = Math.max(high, highestHeldBytes);
  }
  return high >= low ? (high - low) / memoryBytes : undefined;
}

function stallShare(
  worked: readonly ContextBucket[],
  { idlePowerWatts, fullPowerWatts }: DeviceScale,
): number | undefined {
  if (idlePowerWatts === undefined || fullPowerWatts === undefined) return undefined;
  const stallWatts = idlePowerWatts + STALL_POWER_LEVEL * (fullPowerWatts - idlePowerWatts);
  let [measured, stalled] = [0, 0];
  for (const { lowestUtil, wattsSum, wattsCount } of worked) {
    if (lowestUtil === undefined || wattsCount === 0) continue;
    measured += 1;
    if (lowestUtil >= WITHOUT_PAUSE_UTIL && wattsSum / wattsCount < stallWatts) stalled += 1;
  }
  return measured === 0 ? undefined : stalled / measured;
}
