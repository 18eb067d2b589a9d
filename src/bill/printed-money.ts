import { NANOS_PER_UNIT, formatDecimal, roundTogether, shortDecimal } from "../model/money.ts";
import { splitExactly } from "../model/split.ts";
import type { LineCost, Report } from "./report-types.ts";

/**
 * Costs as they are printed: time, energy and their sum, of every line and of the total; where costs are
 * allocated also what is shared, overhead, and what the line bears.
 */
export interface PrintedMoney {
  decimals: number;
  lines: ReadonlyMap<string, readonly string[]>;
  total: readonly string[];
  /** A price, with no more decimals than it needs. */
  price: (nanos: bigint) => string;
}

const FEWEST_DECIMALS = 2;
const MOST_DECIMALS = 4;

/**
 * Rounds the costs so that the printed ones sum to the printed total, down and across.
 * Undefined for a report without costs.
 */
export function printMoney(report: Report): PrintedMoney | undefined {
  const { cost: total } = report.totals;
  if (!total) return undefined;
  const costs = report.lines.flatMap(({ key, cost }) => (cost ? [{ key, cost }] : []));
  const decimals = decimalsFor(costs.map(({ cost }) => cost));
  const rounded = (amount: (cost: LineCost) => bigint) =>
    roundTogether(
      costs.map(({ key, cost }) => ({ key, nanos: amount(cost) })),
      decimals,
    );
  const times = rounded((cost) => cost.timeNanos);
  const energies = rounded((cost) => cost.energyNanos);
  const sums = times.parts.map((time, i) => time + (energies.parts[i] ?? 0n));
  const bearing = total.allocated && printAllocated(costs, sums, decimals);
  const print = (time = 0n, energy = 0n, more: readonly bigint[] = []): string[] =>
    [time, energy, time + energy, ...more].map((amount) => formatDecimal(amount, decimals));
  return {
    decimals,
    lines: new Map(
      costs.map(({ key }, i) => [key, print(times.parts[i], energies.parts[i], bearing?.lines[i])]),
    ),
    total: print(times.total, energies.total, bearing?.total(times.total + energies.total)),
    price: shortDecimal,
  };
}

/**
 * Shared, overhead and allocated. A line that others bear wholly gives just what is printed as its
 * cost, and what is given is what the others share: so these columns too can be added up.
 */
function printAllocated(
  costs: readonly { key: string; cost: LineCost }[],
  printed: readonly bigint[],
  decimals: number,
): { lines: bigint[][]; total: (cost: bigint) => bigint[] } {
  const rounded = (amount: (cost: LineCost) => bigint) =>
    roundTogether(
      costs.map(({ key, cost }) => ({ key, nanos: amount(cost) })),
      decimals,
    );
  const isWhole = ({ allocated, totalNanos }: LineCost): boolean =>
    allocated?.givenNanos === totalNanos;
  const partly = rounded((cost) => (isWhole(cost) ? 0n : (cost.allocated?.givenNanos ?? 0n)));
  const given = costs.map(({ cost }, i) => (isWhole(cost) ? printed[i] : partly.parts[i]) ?? 0n);
  const allGiven = given.reduce((acc, each) => acc + each, 0n);
  const claims = costs.map(({ key, cost }) => ({
    key,
    weight: cost.allocated?.sharedNanos ?? 0n,
  }));
  const isShared = claims.some(({ weight }) => weight > 0n);
  const shares = isShared ? splitExactly(allGiven, claims) : [];
  const overhead = rounded((cost) => cost.allocated?.overheadNanos ?? 0n);
  const lines = costs.map((_, i) => {
    const shared = isShared ? (shares[i] ?? 0n) - (given[i] ?? 0n) : 0n;
    const over = overhead.parts[i] ?? 0n;
    return [shared, over, (printed[i] ?? 0n) + shared + over];
  });
  return { lines, total: (cost) => [0n, overhead.total, cost + overhead.total] };
}

/** The fewest decimals that show every cost as more than zero, within bounds. */
function decimalsFor(costs: readonly LineCost[]): number {
  const amounts = costs.flatMap((cost) => [cost.timeNanos, cost.energyNanos]);
  for (let decimals = FEWEST_DECIMALS; decimals < MOST_DECIMALS; decimals++) {
    const step = NANOS_PER_UNIT / 10n ** BigInt(decimals);
    if (amounts.every((nanos) => nanos === 0n || nanos >= step)) return decimals;
  }
  return MOST_DECIMALS;
}
