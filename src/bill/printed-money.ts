import { NANOS_PER_UNIT, formatDecimal, roundTogether } from "../model/money.ts";
import type { LineCost, Report } from "./report-types.ts";

/** Costs as they are printed: time, energy and their sum, of every line and of the total. */
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
  const print = (time = 0n, energy = 0n): string[] =>
    [time, energy, time + energy].map((amount) => formatDecimal(amount, decimals));
  return {
    decimals,
    lines: new Map(costs.map(({ key }, i) => [key, print(times.parts[i], energies.parts[i])])),
    total: print(times.total, energies.total),
    price: printPrice,
  };
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

function printPrice(nanos: bigint): string {
  return formatDecimal(nanos, 9).replace(/(\.\d\d\d*?)0+$/, "$1");
}
