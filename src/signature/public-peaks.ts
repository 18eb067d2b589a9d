import type { Cost, Resource } from "../model/calibration.ts";
import { type DeviceLimits, matchesModel } from "./scale.ts";

/** A second, by resource. */
export type Peaks = Readonly<{ [R in Resource]?: number | undefined }>;

/** What a model's data sheet promises a second of each resource; empty for a model nobody listed. */
export function publicPeaks(model: string, limits: readonly DeviceLimits[]): Peaks {
  const known = limits.find((entry) => matchesModel(entry.model, model));
  return {
    "f32-flop": known?.f32FlopPerSec,
    "tensor-flop": known?.tensorF16FlopPerSec,
    "memory-byte": known?.memoryBytesPerSec,
  };
}

/**
 * The share of its data sheet's peak that a rate is, by the resource of which it takes the largest
 * share, 0..1; undefined where no peak of what it takes is known.
 */
export function shareOfPeaks(ratePerSecond: number, cost: Cost, peaks: Peaks): number | undefined {
  const taken: Partial<Record<string, number>> = cost;
  const shares = Object.entries(peaks).flatMap(([resource, peak]) => {
    const each = taken[resource];
    return each === undefined || peak === undefined ? [] : [(ratePerSecond * each) / peak];
  });
  return shares.length === 0 ? undefined : Math.max(...shares);
}
