import type { Signature } from "../model/signature.ts";
import type { ContextBucket } from "./bucket.ts";
import { SENSOR_NOISE_WATTS } from "./readings.ts";
import { mean, spread } from "./statistics.ts";

/** How far back steps are looked for: three of the longest that can be told. */
export const STEP_CONTEXT_MS = 60_000;
/** Of the buckets of the stretch: a course with many holes has no rhythm of its own. */
const MIN_FILLED = 0.8;
const MIN_POINTS = 40;
/** A period must be seen three times before it is one. */
const LONGEST_LAG_SHARE = 1 / 3;

type StepFeatures = Pick<
  Signature["features"],
  "stepStrength" | "stepPeriodSeconds" | "irregularVariation"
>;

/**
 * The strongest repetition in the course of power: the highest local maximum of its autocorrelation
 * behind the first minimum, since near lag 0 every slow course resembles itself.
 * @returns strength 0..1, 0 where nothing repeats; nothing where power is steady or hardly measured
 */
export function stepFeatures(buckets: readonly ContextBucket[], bucketMs: number): StepFeatures {
  const watts = evenly(buckets);
  const deviation = spread(watts);
  if (watts.length < MIN_POINTS || deviation === undefined || deviation < SENSOR_NOISE_WATTS)
    return {};
  const correlations = autocorrelation(watts, Math.floor(watts.length * LONGEST_LAG_SHARE));
  const { strength, lag } = strongest(correlations);
  // A lag leaves fewer pairs, which the sum was not made larger for.
  const whole = (strength * watts.length) / (watts.length - lag);
  const beyond = beyondChance(whole, watts.length - lag);
  const centre = mean(watts) ?? 0;
  return {
    stepStrength: beyond,
    stepPeriodSeconds: beyond > 0 ? (lag * bucketMs) / 1000 : undefined,
    irregularVariation: centre > 0 ? (deviation / centre) * Math.sqrt(1 - beyond) : undefined,
  };
}

/** Twice a period repeats as well as once: the first peak that is about as high as any is the period. */
const AS_HIGH = 0.9;

/** The local maxima behind the first minimum, and of them the first that is about the highest. */
function strongest(correlations: readonly number[]): { strength: number; lag: number } {
  const at = (i: number): number => correlations[i] ?? 0;
  const peaks: { strength: number; lag: number }[] = [];
  let falling = true;
  for (let i = 1; i + 1 < correlations.length; i += 1) {
    const [before, here, after] = [at(i - 1), at(i), at(i + 1)];
    if (falling && here <= after) falling = false;
    else if (!falling && here > 0 && here >= before && here > after)
      peaks.push({ strength: here, lag: i });
  }
  const highest = Math.max(0, ...peaks.map(({ strength }) => strength));
  return peaks.find(({ strength }) => strength >= AS_HIGH * highest) ?? { strength: 0, lag: 0 };
}

/** Two deviations of the autocorrelation of noise: the best of many lags reaches that by luck. */
function beyondChance(strength: number, pairs: number): number {
  const chance = 2 / Math.sqrt(pairs);
  return Math.min(1, Math.max(0, (strength - chance) / (1 - chance)));
}

/** Mean power of each bucket from the first to the last; a missing one repeats the one before it. */
function evenly(buckets: readonly ContextBucket[]): number[] {
  const measured = buckets.filter(({ wattsCount }) => wattsCount > 0);
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last) return [];
  const length = last.number - first.number + 1;
  if (measured.length < MIN_FILLED * length) return [];
  const watts: number[] = [];
  for (const { number, wattsSum, wattsCount } of measured) {
    const before = watts.at(-1) ?? 0;
    while (watts.length < number - first.number) watts.push(before);
    watts.push(wattsSum / wattsCount);
  }
  return watts;
}

/**
 * Of lags 0 to `longest`, with the mean taken out, each sum over the whole length: so a slow course
 * falls from lag 0 on, where means over ever fewer pairs could rise by luck.
 */
function autocorrelation(values: readonly number[], longest: number): number[] {
  const centre = mean(values) ?? 0;
  const course = Float64Array.from(values, (value) => value - centre);
  const at = (lag: number): number => {
    let sum = 0;
    for (let i = lag; i < course.length; i += 1) sum += (course[i] ?? 0) * (course[i - lag] ?? 0);
    return sum;
  };
  const whole = at(0);
  return Array.from({ length: longest + 1 }, (_, lag) => at(lag) / whole);
}
