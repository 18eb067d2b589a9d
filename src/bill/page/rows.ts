import { groupedBy } from "../group.ts";
import { type CostOptions, lineCarbon, lineCosts } from "../line-costs.ts";
import { amountsOf } from "../lines.ts";
import type { PricedPiece } from "../priced.ts";
import type { Allocated, LineCost } from "../report-types.ts";
import { sumOf } from "../sum.ts";
import { type State, stateOf } from "./states.ts";
import type { Row, Sums } from "./types.ts";

/** Key of the row that holds what is not written out. No owner, model or device has it. */
export const OTHERS = "\u0000others";

/** A piece and the state that it is of. */
export interface StatedPiece extends PricedPiece {
  state: State;
}

export function stated(piece: PricedPiece): StatedPiece {
  return { ...piece, state: stateOf(piece.charge, piece.label) };
}

/**
 * Pieces summed by key, in the order in which keys first appear. Costs are rounded once, so that the
 * rows' sum to the report's total, whatever the key is.
 * @param costs absent without a price list
 */
export function rowsBy(
  pieces: readonly StatedPiece[],
  keyOf: (piece: StatedPiece) => string,
  costs: CostOptions | undefined,
): Row[] {
  const groups = groupedBy(pieces, keyOf);
  const costOf = costs ? lineCosts(groups, costs) : new Map<string, LineCost>();
  const carbonOf = lineCarbon(groups);
  return [...groups].map(([key, all]) => ({
    ...amountsOf(all),
    key,
    count: 1,
    states: statesOf(all),
    cost: costOf.get(key),
    carbonMilligrams: carbonOf.get(key),
  }));
}

function statesOf(pieces: readonly StatedPiece[]): Map<State, number> {
  const out = new Map<State, number>();
  for (const { state, timeMs } of pieces) out.set(state, (out.get(state) ?? 0) + timeMs);
  return out;
}

/** The costliest first; without prices, those with most time. */
export function bySize(a: Row, b: Row): number {
  const [costA, costB] = [a.cost?.totalNanos ?? 0n, b.cost?.totalNanos ?? 0n];
  if (costA !== costB) return costA > costB ? -1 : 1;
  return b.gpuMs - a.gpuMs || (a.key < b.key ? -1 : 1);
}

/** The first rows, and one that is the sum of all others: nothing is lost. */
export function topRows(rows: readonly Row[], most: number, othersKey: string): Row[] {
  if (rows.length <= most) return [...rows];
  const rest = rows.slice(most - 1);
  return [...rows.slice(0, most - 1), { ...sumRows(rest), key: othersKey, count: rest.length }];
}

/** Several rows as one. What only some of them know is a sum over those. */
export function sumRows(rows: readonly Row[]): Row {
  const states = new Map<State, number>();
  for (const row of rows)
    for (const [state, ms] of row.states) states.set(state, (states.get(state) ?? 0) + ms);
  const costs = rows.flatMap(({ cost }) => cost ?? []);
  return {
    key: "",
    count: rows.length,
    states,
    gpuMs: sumOf(rows, (row) => row.gpuMs),
    energyMj: sumOf(rows, (row) => row.energyMj),
    energyUnmeasuredMs: sumOf(rows, (row) => row.energyUnmeasuredMs),
    idleEnergyMj: sumOf(rows, (row) => row.idleEnergyMj),
    dynamicEnergyMj: sumOf(rows, (row) => row.dynamicEnergyMj),
    energyUnsplitMs: sumOf(rows, (row) => row.energyUnsplitMs),
    cost: costs.length === 0 ? undefined : sumCosts(costs),
  };
}

function sumCosts(costs: readonly LineCost[]): LineCost {
  const sum = (amount: (cost: LineCost) => bigint): bigint =>
    costs.reduce((acc, cost) => acc + amount(cost), 0n);
  const ofAllocated = (amount: (allocated: Allocated) => bigint): bigint =>
    sum(({ allocated }) => (allocated ? amount(allocated) : 0n));
  const timeNanos = sum((cost) => cost.timeNanos);
  const energyNanos = sum((cost) => cost.energyNanos);
  return {
    timeNanos,
    energyNanos,
    totalNanos: timeNanos + energyNanos,
    allocated: costs.some(({ allocated }) => allocated)
      ? {
          sharedNanos: ofAllocated((each) => each.sharedNanos),
          overheadNanos: ofAllocated((each) => each.overheadNanos),
          givenNanos: ofAllocated((each) => each.givenNanos),
          totalNanos: ofAllocated((each) => each.totalNanos),
        }
      : undefined,
  };
}

export function sumsOf(rows: readonly Row[]): Sums {
  const { gpuMs, energyMj, cost } = sumRows(rows);
  return { gpuMs, energyMj, nanos: cost?.totalNanos };
}
