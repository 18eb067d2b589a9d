import type { KnownGpu } from "../ledger/contract.ts";
import { type ExactCost, energyCost, gpuTimeCost, settle } from "../model/money.ts";
import { type OwnerFacts, holderOf, parseOwnerKey } from "../model/owner.ts";
import { groupedBy } from "./group.ts";
import type { UsagePiece } from "./piece.ts";
import { priceAt } from "./price-lookup.ts";
import { type Rates, gpuRate } from "./rates.ts";
import type { AppliedRate, Charge, GroupKey, LineCost, ReportLine } from "./report-types.ts";

/** A piece of usage with its exact cost and what it is grouped by. */
export interface PricedPiece extends UsagePiece {
  gpu: KnownGpu;
  /** What is proven of its owner: his own words change no bill. */
  facts: OwnerFacts | undefined;
  charge: Charge;
  timeCost: ExactCost;
  energyCost: ExactCost;
  gpuHourNanos?: bigint | undefined;
  kwhNanos?: bigint | undefined;
}

/** Prices a piece; no price changes inside it. Without rates every cost is 0. */
export function priced(
  piece: UsagePiece,
  gpu: KnownGpu,
  rates: Rates | undefined,
  facts: OwnerFacts | undefined,
): PricedPiece {
  const gpuHourNanos = rates && gpuRate(rates, gpu.model, piece.fromMs);
  const kwhNanos = rates && priceAt(rates.energy, piece.fromMs);
  return {
    ...piece,
    gpu,
    facts,
    charge: chargeOf(piece.ownerKey),
    gpuHourNanos,
    kwhNanos,
    timeCost: gpuTimeCost(piece.timeMs, gpuHourNanos ?? 0n),
    energyCost: energyCost(piece.energyMj, kwhNanos ?? 0n),
  };
}

function chargeOf(key: string): Charge {
  const owner = parseOwnerKey(key);
  if (owner?.kind === "unobserved") return "unobserved";
  if (owner?.kind !== "idle") return "used";
  return holderOf(owner) === undefined ? "idle" : "held";
}

/** Of an owner whose user, team or cost centre nobody knows. */
const NOT_KNOWN = "(not known)";

export const GROUP_VALUE: Readonly<Record<GroupKey, (piece: PricedPiece) => string>> = {
  owner: (piece) => piece.ownerKey,
  ownerKind: (piece) => parseOwnerKey(piece.ownerKey)?.kind ?? piece.ownerKey,
  user: (piece) => factOf(piece, "user"),
  team: (piece) => factOf(piece, "team"),
  "cost-centre": (piece) => factOf(piece, "costCentre"),
  label: (piece) => (piece.charge === "unobserved" ? "unobserved" : piece.label),
  gpu: (piece) => piece.gpuUuid,
  model: (piece) => piece.gpu.model,
  node: (piece) => piece.gpu.node,
};

/** Owners of whom there is one on a node are nobody's: they go by their own names. */
function factOf(
  { ownerKey: key, facts }: PricedPiece,
  fact: "user" | "team" | "costCentre",
): string {
  const { kind, id } = parseOwnerKey(key) ?? {};
  if (id === "") return key;
  const user = fact === "user" && kind === "user" ? id : undefined;
  return facts?.[fact] ?? user ?? NOT_KNOWN;
}

/** Sums pieces to lines: used lines first, then idle, then unobserved, the costliest first. */
export function toLines(
  pieces: readonly PricedPiece[],
  groupBy: readonly GroupKey[],
  isPriced: boolean,
): ReportLine[] {
  const groups = groupedBy(pieces, (piece) =>
    JSON.stringify([piece.charge, ...groupBy.map((key) => GROUP_VALUE[key](piece))]),
  );
  const costs = isPriced ? settledCosts(groups) : new Map<string, LineCost>();
  const lines = [...groups].flatMap(([key, [first, ...rest]]) =>
    first ? [lineOf(key, first, rest, groupBy, costs.get(key))] : [],
  );
  return lines.sort(byChargeThenSize);
}

function lineOf(
  key: string,
  first: PricedPiece,
  rest: readonly PricedPiece[],
  groupBy: readonly GroupKey[],
  cost: LineCost | undefined,
): ReportLine {
  const all = [first, ...rest];
  return {
    key,
    charge: first.charge,
    group: Object.fromEntries(groupBy.map((each) => [each, GROUP_VALUE[each](first)])),
    gpuMs: sumOf(all, (piece) => piece.timeMs),
    energyMj: sumOf(all, (piece) => piece.energyMj),
    energyUnmeasuredMs: sumOf(all, (piece) => piece.energyUnmeasuredMs),
    idleEnergyMj: sumOf(all, (piece) => piece.idleEnergyMj),
    dynamicEnergyMj: sumOf(all, (piece) => piece.dynamicEnergyMj),
    energyUnsplitMs: sumOf(all, (piece) => piece.energyUnsplitMs),
    confidenceMs: sumOf(all, (piece) => piece.confidenceMs),
    cost,
    simulated: all.some((piece) => piece.simulated || piece.gpu.simulated),
  };
}

/** Rounds once: the lines' time costs and energy costs each sum to their total to the last nano. */
export function settledCosts(
  groups: ReadonlyMap<string, readonly PricedPiece[]>,
): Map<string, LineCost> {
  const exact = (cost: (piece: PricedPiece) => ExactCost) =>
    settle(
      [...groups].map(([key, pieces]) => ({
        key,
        cost: pieces.reduce((acc, piece) => acc + cost(piece), 0n),
      })),
    ).parts;
  const times = exact((piece) => piece.timeCost);
  const energies = exact((piece) => piece.energyCost);
  return new Map(
    [...groups.keys()].map((key, i) => {
      const [timeNanos = 0n, energyNanos = 0n] = [times[i], energies[i]];
      return [key, { timeNanos, energyNanos, totalNanos: timeNanos + energyNanos }];
    }),
  );
}

/** The total, rounded from the exact sum: it does not depend on how the lines are grouped. */
export function totalCost(pieces: readonly PricedPiece[]): LineCost {
  const rounded = (cost: (piece: PricedPiece) => ExactCost): bigint =>
    settle([{ key: "", cost: pieces.reduce((acc, piece) => acc + cost(piece), 0n) }]).total;
  const timeNanos = rounded((piece) => piece.timeCost);
  const energyNanos = rounded((piece) => piece.energyCost);
  return { timeNanos, energyNanos, totalNanos: timeNanos + energyNanos };
}

/** Which prices were used, when, and for how much. */
export function appliedRates(pieces: readonly PricedPiece[]): AppliedRate[] {
  const forTime = pieces.map((piece) => rateOf("gpu-hour", piece.gpuHourNanos, piece));
  const forEnergy = pieces
    .filter((piece) => piece.energyMj > 0)
    .map((piece) => rateOf("kWh", piece.kwhNanos, piece));
  const rates = [...forTime, ...forEnergy].flatMap((rate) => rate ?? []);
  const groups = groupedBy(rates, (rate) => `${rate.what} ${rate.model} ${rate.nanos}`);
  return [...groups.values()].flatMap(([first, ...rest]) => {
    if (!first) return [];
    const all = [first, ...rest];
    return {
      ...first,
      fromMs: all.reduce((min, rate) => Math.min(min, rate.fromMs), Infinity),
      toMs: all.reduce((max, rate) => Math.max(max, rate.toMs), -Infinity),
      gpuMs: sumOf(all, (rate) => rate.gpuMs),
      energyMj: sumOf(all, (rate) => rate.energyMj),
    };
  });
}

function rateOf(
  what: AppliedRate["what"],
  nanos: bigint | undefined,
  piece: PricedPiece,
): AppliedRate | undefined {
  if (nanos === undefined) return undefined;
  const { fromMs, toMs, timeMs: gpuMs, energyMj } = piece;
  const model = what === "gpu-hour" ? piece.gpu.model : undefined;
  return { what, model, nanos, fromMs, toMs, gpuMs, energyMj };
}

export function sumOf<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((acc, item) => acc + amount(item), 0);
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
