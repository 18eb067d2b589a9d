import { type ExactCost, settle } from "../../model/money.ts";
import { groupedBy } from "../group.ts";
import { type PricedPiece, sumOf } from "../lines.ts";
import type { LineCost } from "../report-types.ts";
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
 */
export function rowsBy(
  pieces: readonly StatedPiece[],
  keyOf: (piece: StatedPiece) => string,
  isPriced: boolean,
): Row[] {
  const groups = [...groupedBy(pieces, keyOf)];
  const nanos = (cost: (piece: PricedPiece) => ExactCost): bigint[] =>
    settle(
      groups.map(([key, all]) => ({ key, cost: all.reduce((sum, each) => sum + cost(each), 0n) })),
    ).parts;
  const times = isPriced ? nanos((piece) => piece.timeCost) : [];
  const energies = isPriced ? nanos((piece) => piece.energyCost) : [];
  return groups.map(([key, all], i) => ({
    ...amountsOf(all),
    key,
    count: 1,
    states: statesOf(all),
    cost: isPriced ? costOf(times[i] ?? 0n, energies[i] ?? 0n) : undefined,
  }));
}

function costOf(timeNanos: bigint, energyNanos: bigint): LineCost {
  return { timeNanos, energyNanos, totalNanos: timeNanos + energyNanos };
}

function amountsOf(pieces: readonly StatedPiece[]): Omit<Row, "key" | "count" | "states" | "cost"> {
  return {
    gpuMs: sumOf(pieces, (piece) => piece.timeMs),
    energyMj: sumOf(pieces, (piece) => piece.energyMj),
    energyUnmeasuredMs: sumOf(pieces, (piece) => piece.energyUnmeasuredMs),
    idleEnergyMj: sumOf(pieces, (piece) => piece.idleEnergyMj),
    dynamicEnergyMj: sumOf(pieces, (piece) => piece.dynamicEnergyMj),
    energyUnsplitMs: sumOf(pieces, (piece) => piece.energyUnsplitMs),
  };
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
  return costOf(
    sum((cost) => cost.timeNanos),
    sum((cost) => cost.energyNanos),
  );
}

export function sumsOf(rows: readonly Row[]): Sums {
  const { gpuMs, energyMj, cost } = sumRows(rows);
  return { gpuMs, energyMj, nanos: cost?.totalNanos };
}
