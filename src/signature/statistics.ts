/** Mean of the values; undefined where there is none. */
export function mean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The middle value, or the mean of the two; undefined where there is none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return mean(sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1));
}

/** Population standard deviation; undefined below two values, since one says nothing of spread. */
export function spread(values: readonly number[]): number | undefined {
  const centre = mean(values);
  if (centre === undefined || values.length < 2) return undefined;
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / values.length);
}

/**
 * Pearson correlation of two equally long series, -1..1.
 * Undefined if either varies by less than `minSpread`: the correlation of noise is noise.
 */
export function correlation(
  a: readonly number[],
  b: readonly number[],
  minSpread: number,
): number | undefined {
  const [meanA, meanB, spreadA, spreadB] = [mean(a), mean(b), spread(a), spread(b)];
  if (meanA === undefined || meanB === undefined || !spreadA || !spreadB) return undefined;
  if (spreadA < minSpread || spreadB < minSpread) return undefined;
  let covariance = 0;
  a.forEach((value, i) => (covariance += (value - meanA) * ((b[i] ?? meanB) - meanB)));
  return covariance / a.length / (spreadA * spreadB);
}
