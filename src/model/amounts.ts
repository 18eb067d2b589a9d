/** What slices sum to: whole milliseconds and millijoules. */
export interface Amounts {
  timeMs: number;
  energyMj: number;
  /** The part of `timeMs` whose energy was not measured: it is missing from `energyMj`, not zero. */
  energyUnmeasuredMs: number;
  /** Of `energyMj`: what the devices draw anyway, and what work added. */
  idleEnergyMj: number;
  dynamicEnergyMj: number;
  /** The part of `timeMs` whose energy was measured and could not be split into the two. */
  energyUnsplitMs: number;
  /** Confidence of the label times time, each slice's rounded: over `timeMs` it is the mean. */
  confidenceMs: number;
  /** Slices that begin there: one that was cut counts once. */
  sliceCount: number;
}

export const AMOUNTS = [
  "timeMs",
  "energyMj",
  "energyUnmeasuredMs",
  "idleEnergyMj",
  "dynamicEnergyMj",
  "energyUnsplitMs",
  "confidenceMs",
  "sliceCount",
] as const satisfies readonly (keyof Amounts)[];

export function noAmounts(): Amounts {
  return {
    timeMs: 0,
    energyMj: 0,
    energyUnmeasuredMs: 0,
    idleEnergyMj: 0,
    dynamicEnergyMj: 0,
    energyUnsplitMs: 0,
    confidenceMs: 0,
    sliceCount: 0,
  };
}

export function addAmounts(to: Amounts, more: Amounts): void {
  for (const key of AMOUNTS) to[key] += more[key];
}
