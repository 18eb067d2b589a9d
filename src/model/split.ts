/** A part's claim on a whole. Ties between parts go by `key`, so the order of input never matters. */
export interface Claim {
  key: string;
  weight: bigint;
}

/**
 * Splits the integer `total` in proportion to the weights so that the parts sum to it exactly
 * (largest-remainder method). Order of the claims does not change what a key receives.
 * @returns the parts, in the order of `claims`
 * @throws RangeError if a weight is negative, or all are 0 while there is something to split
 */
export function splitExactly(total: bigint, claims: readonly Claim[]): bigint[] {
  const sum = claims.reduce((acc, claim) => {
    if (claim.weight < 0n) throw new RangeError(`negative weight for ${claim.key}`);
    return acc + claim.weight;
  }, 0n);
  if (sum === 0n) {
    if (total !== 0n) throw new RangeError("nobody to split a non-zero total among");
    return claims.map(() => 0n);
  }
  const sign = total < 0n ? -1n : 1n;
  const magnitude = total * sign;
  const parts = claims.map((claim) => (magnitude * claim.weight) / sum);
  const remainders = claims.map((claim) => (magnitude * claim.weight) % sum);
  let left = magnitude - parts.reduce((acc, part) => acc + part, 0n);
  const order = claims.map((_, i) => i).sort((a, b) => byRemainder(claims, remainders, a, b));
  for (const i of order) {
    if (left === 0n) break;
    parts[i] = (parts[i] ?? 0n) + 1n;
    left -= 1n;
  }
  return parts.map((part) => part * sign);
}

function byRemainder(
  claims: readonly Claim[],
  remainders: readonly bigint[],
  a: number,
  b: number,
): number {
  const [left = 0n, right = 0n] = [remainders[a], remainders[b]];
  if (left !== right) return left > right ? -1 : 1;
  const [keyA = "", keyB = ""] = [claims[a]?.key, claims[b]?.key];
  if (keyA !== keyB) return keyA < keyB ? -1 : 1;
  return a - b;
}

/** A number's claim: how finely a measured (non-integer) weight is taken. */
const WEIGHT_SCALE = 1e9;

/** {@link splitExactly} for integer numbers and measured weights (kept to nine decimals). */
export function splitInteger(
  total: number,
  claims: readonly { key: string; weight: number }[],
): number[] {
  const [only] = claims;
  // Most wholes have one claim: it needs no arithmetic to be exact.
  if (only && claims.length === 1 && Math.round(only.weight * WEIGHT_SCALE) > 0) return [total];
  const exact = claims.map(({ key, weight }) => ({
    key,
    weight: BigInt(Math.round(weight * WEIGHT_SCALE)),
  }));
  return splitExactly(BigInt(total), exact).map(Number);
}
