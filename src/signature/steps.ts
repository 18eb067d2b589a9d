import type { Signature } from "../model/signature.ts";
import type { ContextBucket } from "./context.ts";
import { mean, spread } from "./statistics.ts";

/** How far back steps are looked for: three of the longest that can be told. */
export const STEP_CONTEXT_MS = 60_000;
/** Of the buckets of the stretch: a course with many holes has no rhythm of its own. */
const MIN_FILLED = 0.8;
const MIN_POINTS = 40;
/** Power sensors are good to a few watts: what varies less is just steady. */
const MIN_SPREAD_WATTS = 2;
/** A period must be seen three times before it is one. */
const LONGEST_LAG_SHARE = 1 / 3;

type StepFeatures = Pick<Signature["features"], "stepStrength" | "stepPeriodSeconds">;

/**
 * The strongest repetition in the course of power: the highest local maximum of its autocorrelation
 * behind the first minimum, since near lag 0 every slow course resembles itself.
 * @returns strength 0..1, 0 where nothing repeats; nothing where power is steady or hardly measured
 */
export function stepFeatures(buckets: readonly ContextBucket[], bucketMs: number): StepFeatures {
  const watts = evenly(buckets);
  const deviation = spread(watts);
  if (watts.length < MIN_POINTS || deviation === undefined || deviation < MIN_SPREAD_WATTS)
    return {};
  const correlations = autocorrelation(watts, Math.floor(watts.length * LONGEST_LAG_SHARE));
  const at = (i: number): number => correlations[i] ?? 0;
  let [strength, lag] = [0, 0];
  let falling = true;
  for (let i = 1; i + 1 < correlations.length; i += 1) {
    const [before, here, after] = [at(i - 1), at(i), at(i + 1)];
    if (falling && here <= after) falling = false;
    else if (!falling && here > strength && here >= before && here > after)
      [strength, lag] = [here, i];
  }
  return {
    stepStrength: Math.min(1, strength),
    stepPeriodSeconds: lag > 0 ? (lag * bucketMs) / 1000 : undefined,
  };
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

/** Of lags 0 to `longest`, each over the pairs that it leaves, with the mean taken out. */
function autocorrelation(values: readonly number[], longest: number): number[] {
  const centre = mean(values) ?? 0;
  const course = Float64Array.from(values, (value) => value - centre);
  const at = (lag: number): number => {
    let sum = 0;
    for (let i = lag; i < course.length; i += 1) sum += (course[i] ?? 0) * (course[i - lag] ?? 0);
    return sum / (course.length - lag);
  };
  const whole = at(0);
  return Array.from({ length: longest + 1 }, (_, lag) => at(lag) / whole);
}
