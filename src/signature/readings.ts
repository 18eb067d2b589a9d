import type { GpuQuantity, GpuSample } from "../model/sample.ts";
import { mean, spread } from "./statistics.ts";

/** Power sensors are good to a few watts: what varies less is just steady. */
export const SENSOR_NOISE_WATTS = 2;

/** Mean of the samples that measured a quantity: a missing one is left out, never taken as 0. */
export function meanOf(samples: readonly GpuSample[], quantity: GpuQuantity): number | undefined {
  let [sum, count] = [0, 0];
  for (const sample of samples) {
    const value = sample[quantity];
    if (value === undefined) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? undefined : sum / count;
}

/** Values of the samples that measured a quantity. */
export function measured(samples: readonly GpuSample[], quantity: GpuQuantity): number[] {
  const values: number[] = [];
  for (const sample of samples) {
    const value = sample[quantity];
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** Undefined where either is, and where there is no whole. */
export function ratio(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole <= 0 ? undefined : part / whole;
}

/**
 * Standard deviation over mean. Undefined where no value differs from another in its last digit: a
 * sensor at work moves, so one that does not is stuck, or too coarse to tell steady from moving.
 */
export function variationOf(values: readonly number[]): number | undefined {
  const [first] = values;
  if (values.every((value) => value === first)) return undefined;
  return ratio(spread(values), mean(values));
}

/** The highest of those that were measured. */
export function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
