import { groupedBy } from "./group.ts";
import { GROUP_VALUE } from "./group-value.ts";
import { type CostOptions, lineCarbon, lineCosts } from "./line-costs.ts";
import type { PricedPiece } from "./priced.ts";
import type { Amounts, Charge, GroupKey, LineCost, ReportLine } from "./report-types.ts";
import { sumOf } from "./sum.ts";

/**
 * Sums pieces to lines: used lines first, then held, idle and unobserved, the costliest first.
 * @param costs absent without a price list: then lines have no costs
 */
export function toLines(
  pieces: readonly PricedPiece[],
  groupBy: readonly GroupKey[],
  costs: CostOptions | undefined,
): ReportLine[] {
  const groups = groupedBy(pieces, (piece) =>
    JSON.stringify([piece.charge, ...groupBy.map((key) => GROUP_VALUE[key](piece))]),
  );
  const costOf = costs ? lineCosts(groups, costs) : new Map<string, LineCost>();
  const carbonOf = lineCarbon(groups);
  const lines = [...groups].flatMap(([key, own]) => {
    const [first] = own;
    if (!first) return [];
    return {
      ...amountsOf(own),
      key,
      charge: first.charge,
      group: Object.fromEntries(groupBy.map((each) => [each, GROUP_VALUE[each](first)])),
      cost: costOf.get(key),
      carbonMilligrams: carbonOf.get(key),
      simulated: own.some((piece) => piece.simulated || piece.gpu.simulated),
    };
  });
  return lines.sort(byChargeThenSize);
}

/** Time and energy of pieces, summed. */
export function amountsOf(pieces: readonly PricedPiece[]): Amounts {
  return {
    gpuMs: sumOf(pieces, (piece) => piece.timeMs),
    energyMj: sumOf(pieces, (piece) => piece.energyMj),
    energyUnmeasuredMs: sumOf(pieces, (piece) => piece.energyUnmeasuredMs),
    idleEnergyMj: sumOf(pieces, (piece) => piece.idleEnergyMj),
    dynamicEnergyMj: sumOf(pieces, (piece) => piece.dynamicEnergyMj),
    energyUnsplitMs: sumOf(pieces, (piece) => piece.energyUnsplitMs),
    confidenceMs: confidenceOf(pieces),
  };
}

/** Of what was observed; undefined where nothing was. */
function confidenceOf(pieces: readonly PricedPiece[]): number | undefined {
  const observed = pieces.filter(({ charge }) => charge !== "unobserved");
  return observed.length > 0 ? sumOf(observed, (piece) => piece.confidenceMs) : undefined;
}

const CHARGE_ORDER: Readonly<Record<Charge, number>> = {
  used: 0,
  held: 1,
  idle: 2,
  unobserved: 3,
};

function byChargeThenSize(a: ReportLine, b: ReportLine): number {
  const [costA, costB] = [a.cost?.totalNanos ?? 0n, b.cost?.totalNanos ?? 0n];
  if (a.charge !== b.charge) return CHARGE_ORDER[a.charge] - CHARGE_ORDER[b.charge];
  if (costA !== costB) return costA > costB ? -1 : 1;
  return b.gpuMs - a.gpuMs || (a.key < b.key ? -1 : 1);
}
