import type { Amounts, Charge, Report, ReportLine } from "./report-types.ts";

/** What of a line changed: now minus before, each undefined where a side has no such figure. */
export interface AmountsDifference {
  gpuMs: number;
  energyMj: number;
  /** Billionths of the currency; absent unless both sides have costs in one currency. */
  costNanos?: bigint | undefined;
}

export interface LineDifference extends AmountsDifference {
  key: string;
  charge: Charge;
  group: ReportLine["group"];
  before: Amounts | undefined;
  after: Amounts | undefined;
}

export interface ReportDifference {
  /** Lines that are not what they were, the largest change first. */
  lines: readonly LineDifference[];
  /** Lines that are the same to the last unit. */
  same: number;
  totals: AmountsDifference;
  /** The two are in one currency, or neither has costs. */
  isOneCurrency: boolean;
}

/**
 * Two reports with the same groups, line by line. The lines' differences sum to the difference of the
 * totals, to the last millisecond, millijoule and billionth.
 */
export function differenceOf(before: Report, after: Report): ReportDifference {
  const isOneCurrency = before.currency === after.currency;
  const all = pairedLines(before, after).map(([old, now]) => lineOf(old, now, isOneCurrency));
  const changed = all.filter(isChanged);
  return {
    lines: changed.sort(bySize),
    same: all.length - changed.length,
    totals: between(before.totals, after.totals, isOneCurrency),
    isOneCurrency,
  };
}

/** The lines of two reports side by side, in the order of the first, then what only the second has. */
export function pairedLines(
  a: Report,
  b: Report,
): (readonly [ReportLine | undefined, ReportLine | undefined])[] {
  const others = new Map(b.lines.map((line) => [line.key, line]));
  const paired = a.lines.map((line) => {
    const other = others.get(line.key);
    others.delete(line.key);
    return [line, other] as const;
  });
  return [...paired, ...[...others.values()].map((line) => [undefined, line] as const)];
}

function lineOf(
  before: ReportLine | undefined,
  after: ReportLine | undefined,
  isOneCurrency: boolean,
): LineDifference {
  const { key = "", charge = "used", group = {} } = after ?? before ?? {};
  return { key, charge, group, before, after, ...between(before, after, isOneCurrency) };
}

/** What is on neither side is no difference; a line that is on one side alone is all of it. */
export function between(
  before: Amounts | undefined,
  after: Amounts | undefined,
  isOneCurrency: boolean,
): AmountsDifference {
  const [old, now] = [before?.cost?.totalNanos, after?.cost?.totalNanos];
  const hasCosts = isOneCurrency && (old !== undefined || now !== undefined);
  return {
    gpuMs: (after?.gpuMs ?? 0) - (before?.gpuMs ?? 0),
    energyMj: (after?.energyMj ?? 0) - (before?.energyMj ?? 0),
    costNanos: hasCosts ? (now ?? 0n) - (old ?? 0n) : undefined,
  };
}

function isChanged({ gpuMs, energyMj, costNanos, before, after }: LineDifference): boolean {
  return (
    gpuMs !== 0 ||
    energyMj !== 0 ||
    (costNanos ?? 0n) !== 0n ||
    before?.energyUnmeasuredMs !== after?.energyUnmeasuredMs
  );
}

function bySize(a: LineDifference, b: LineDifference): number {
  const [costA, costB] = [abs(a.costNanos ?? 0n), abs(b.costNanos ?? 0n)];
  if (costA !== costB) return costA > costB ? -1 : 1;
  return Math.abs(b.gpuMs) - Math.abs(a.gpuMs) || (a.key < b.key ? -1 : 1);
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);
