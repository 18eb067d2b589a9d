import { splitExactly } from "./split.ts";

/** Money is kept in billionths of the currency's unit (`nanos`), as bigint: exact, of any size. */
export const NANOS_PER_UNIT = 1_000_000_000n;

/**
 * A cost before it is rounded: nano-units times 3.6e9. GPU time (price per hour, in ms) and energy
 * (price per kWh, in mJ) are both whole numbers on this scale, so costs add up without any rounding,
 * whatever they are grouped by. {@link settle} rounds once, at the end.
 */
export type ExactCost = bigint;

export const EXACT_PER_NANO = 3_600_000_000n;
const MS_TO_EXACT = EXACT_PER_NANO / 3_600_000n;

/** Cost of `timeMs` of GPU time at `nanosPerGpuHour`. */
export function gpuTimeCost(timeMs: number, nanosPerGpuHour: bigint): ExactCost {
  return BigInt(timeMs) * nanosPerGpuHour * MS_TO_EXACT;
}

/** Cost of `energyMj` millijoules at `nanosPerKwh` (1 kWh is 3.6e9 mJ, the scale itself). */
export function energyCost(energyMj: number, nanosPerKwh: bigint): ExactCost {
  return BigInt(energyMj) * nanosPerKwh;
}

/**
 * Rounds exact costs to nano-units so that the lines sum to the rounded total.
 * @param lines costs >= 0 with a key each; ties go by key
 * @returns total and parts in nano-units
 */
export function settle(lines: readonly { key: string; cost: ExactCost }[]): {
  total: bigint;
  parts: bigint[];
} {
  const sum = lines.reduce((acc, line) => acc + line.cost, 0n);
  const total = (sum + EXACT_PER_NANO / 2n) / EXACT_PER_NANO;
  const claims = lines.map(({ key, cost }) => ({ key, weight: cost }));
  const parts = sum === 0n ? lines.map(() => 0n) : splitExactly(total, claims);
  return { total, parts };
}

/**
 * Rounds parts to `decimals` places so that the printed parts sum to the printed total.
 * @returns total and parts in units of 10^-decimals
 */
export function roundTogether(
  parts: readonly { key: string; nanos: bigint }[],
  decimals: number,
): { total: bigint; parts: bigint[] } {
  const step = NANOS_PER_UNIT / 10n ** BigInt(decimals);
  const sum = parts.reduce((acc, part) => acc + part.nanos, 0n);
  const total = (sum + step / 2n) / step;
  const claims = parts.map(({ key, nanos }) => ({ key, weight: nanos }));
  return { total, parts: sum === 0n ? parts.map(() => 0n) : splitExactly(total, claims) };
}

/** A decimal string of an integer amount: `formatDecimal(1234n, 2)` is "12.34". */
export function formatDecimal(amount: bigint, decimals: number): string {
  const sign = amount < 0n ? "-" : "";
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, "0");
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Billionths with no more decimals than they need, two at least: `2.49`, `0.2415`. */
export function shortDecimal(nanos: bigint): string {
  return formatDecimal(nanos, 9).replace(/(\.\d\d\d*?)0+$/, "$1");
}

/** Parses a decimal such as `2.49` exactly. Undefined if it is no decimal or has over nine places. */
export function parseNanos(text: string): bigint | undefined {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, whole = "0", fraction = ""] = match;
  return BigInt(whole) * NANOS_PER_UNIT + BigInt(fraction.padEnd(9, "0"));
}
