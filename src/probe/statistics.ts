/** The value below which `share` (0..1) of the values lie, interpolated; undefined without values. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) return undefined;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}

/** Fewer values have no quartiles worth the name. */
const MIN_FOR_SPREAD = 4;

/** Interquartile range over the median; undefined below four values or for a median of 0. */
export function relativeSpread(values: readonly number[]): number | undefined {
  if (values.length < MIN_FOR_SPREAD) return undefined;
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(values, share));
  if (low === undefined || high === undefined || !middle) return undefined;
  return (high - low) / middle;
}
