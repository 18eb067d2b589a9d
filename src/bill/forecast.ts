const DAY_MS = 86_400_000;

/**
 * Quantile 0.9 of Student's t by degrees of freedom: the two-sided 80 % range of what one knows little
 * of. The sixth is for seven days.
 */
const T_80 = [3.078, 1.886, 1.638, 1.533, 1.476, 1.44];
/** Of fewer days a range would be a guess. */
const FEWEST_FOR_RANGE = 3;

export interface BurnInput {
  spentNanos: bigint;
  limitNanos: bigint;
  nowMs: number;
  periodEndMs: number;
  /** What was spent in each whole 24 hours before now that the ledger covers, the newest first. */
  days: readonly bigint[];
}

/** Amounts in billionths. A forecast is an estimate: it is no part of any bill. */
export interface Forecast {
  nanos: bigint;
  /** An 80 % range; absent where fewer than three days are known. */
  lowNanos?: bigint | undefined;
  highNanos?: bigint | undefined;
  /** When the limit is reached at the mean rate, where that is before the period's end. */
  exhaustedAtMs?: number | undefined;
}

export interface Burn {
  /** Money a day: in the last 24 hours, and the mean of the days that are known. */
  lastDayNanos?: bigint | undefined;
  perDayNanos?: bigint | undefined;
  daysKnown: number;
  /** Absent where not even one whole day is known. */
  forecast?: Forecast | undefined;
}

/**
 * How fast money goes, and where that leads: what is spent, and the mean day for each day that is
 * left. The range is the prediction interval of the sum of the days left, for days that vary as those
 * known did and do not depend on each other; a rhythm of the week is not known to it.
 */
export function burnOf({ spentNanos, limitNanos, nowMs, periodEndMs, days }: BurnInput): Burn {
  const count = days.length;
  const [lastDayNanos] = days;
  if (lastDayNanos === undefined) return { daysKnown: 0 };
  const perDayNanos = days.reduce((acc, day) => acc + day, 0n) / BigInt(count);
  const leftMs = Math.max(0, periodEndMs - nowMs);
  const nanos = spentNanos + (perDayNanos * BigInt(leftMs)) / BigInt(DAY_MS);
  const spread = spreadOf(days, leftMs / DAY_MS);
  const bounded = (low: bigint): bigint => (low < spentNanos ? spentNanos : low);
  const exhaustedAtMs = exhaustion({ spentNanos, limitNanos, nowMs, periodEndMs }, perDayNanos);
  const range =
    spread === undefined ? {} : { lowNanos: bounded(nanos - spread), highNanos: nanos + spread };
  return {
    lastDayNanos,
    perDayNanos,
    daysKnown: count,
    forecast: { nanos, ...range, exhaustedAtMs },
  };
}

function spreadOf(days: readonly bigint[], daysLeft: number): bigint | undefined {
  const count = days.length;
  const quantile = T_80[Math.min(count - 2, T_80.length - 1)];
  if (count < FEWEST_FOR_RANGE || quantile === undefined) return undefined;
  const amounts = days.map(Number);
  const mean = amounts.reduce((acc, day) => acc + day, 0) / count;
  const squares = amounts.reduce((acc, day) => acc + (day - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1));
  return BigInt(Math.round(quantile * deviation * Math.sqrt(daysLeft + daysLeft ** 2 / count)));
}

function exhaustion(
  {
    spentNanos,
    limitNanos,
    nowMs,
    periodEndMs,
  }: Pick<BurnInput, "spentNanos" | "limitNanos" | "nowMs" | "periodEndMs">,
  perDayNanos: bigint,
): number | undefined {
  if (spentNanos > limitNanos) return nowMs;
  if (perDayNanos === 0n) return undefined;
  const inMs = Number(((limitNanos - spentNanos) * BigInt(DAY_MS)) / perDayNanos);
  return nowMs + inMs < periodEndMs ? nowMs + inMs : undefined;
}
