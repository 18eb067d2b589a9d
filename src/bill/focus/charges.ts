import { settle } from "../../model/money.ts";
import { splitExactly } from "../../model/split.ts";
import type { Window } from "../../model/window.ts";
import { groupedBy } from "../group.ts";
import type { PricedPiece } from "../priced.ts";
import type { Charge } from "../report-types.ts";
import { sumOf } from "../sum.ts";
import { type ChargeKind, KINDS, ROUNDED_TOGETHER, amountOf, exactCost } from "./kinds.ts";
import { monthOf } from "./months.ts";

/** Figures of a charge that its parts sum to, in billionths. */
export interface Figures {
  /** What it costs, what was paid in advance included: the report's cost. */
  effective: bigint;
  /** What is invoiced for it. */
  contracted: bigint;
  /** What it would cost without a contract. */
  list: bigint;
  /** Hours, or kWh. */
  quantity: bigint;
}

/** One device's charge at one unit price in one month: what the allocated charges split. */
export interface OriginCharge extends Window, Figures {
  kind: ChargeKind;
  gpu: PricedPiece["gpu"];
  month: Window;
  /** Of an hour or a kWh, in billionths. */
  listUnitNanos: bigint;
  contractedUnitNanos: bigint;
  commitment: string | undefined;
  /** Observed share of the time, in billionths; absent for energy. */
  coverageNanos: bigint | undefined;
}

/** An owner's part of an origin charge. The parts of one sum to it in every figure. */
export interface AllocatedCharge extends Figures {
  origin: OriginCharge;
  /** Whose it is: the holder of held time. */
  ownerKey: string;
  label: string;
  charge: Charge;
  facts: PricedPiece["facts"];
  /** The part of the origin charge, in billionths: they sum to 1. */
  ratioNanos: bigint;
  /** Milliseconds, or millijoules: what the ratio is found from. */
  amount: number;
  /** Mean confidence of the label, in billionths; absent where nothing was observed. */
  confidenceNanos: bigint | undefined;
  simulated: boolean;
}

const WHOLE = 1_000_000_000n;
const PER_HOUR_OR_KWH = { ms: 3_600_000n, mJ: 3_600_000_000n } as const;

/**
 * Usage as split charges. Each cost of all of them sums to that of the whole to the last billionth:
 * first the total is rounded to origin charges, then each of them to its parts.
 * @param pieces cut at the months' ends; what has no price is charged nothing and is left out
 */
export function allocatedCharges(pieces: readonly PricedPiece[]): AllocatedCharge[] {
  return ROUNDED_TOGETHER.flatMap((kinds) => {
    const groups = kinds.flatMap((kind) => originGroups(kind, pieces));
    const cost = (unit: (group: Group) => bigint): bigint[] =>
      settle(
        groups.map((group) => ({
          key: group.key,
          cost: exactCost(group.kind, group.amount, unit(group)),
        })),
      ).parts;
    const effective = cost((group) => group.unitNanos);
    const contracted = cost((group) => group.contractedUnitNanos);
    const list = cost((group) => group.listUnitNanos);
    return groups.flatMap((group, i) =>
      allocate(group, {
        effective: effective[i] ?? 0n,
        contracted: contracted[i] ?? 0n,
        list: list[i] ?? 0n,
        quantity: fraction(BigInt(group.amount), PER_HOUR_OR_KWH[KINDS[group.kind].amount]),
      }),
    );
  });
}

/** The pieces of one origin charge. */
interface Group {
  key: string;
  kind: ChargeKind;
  pieces: readonly PricedPiece[];
  first: PricedPiece;
  amount: number;
  unitNanos: bigint;
  listUnitNanos: bigint;
  contractedUnitNanos: bigint;
}

function originGroups(kind: ChargeKind, pieces: readonly PricedPiece[]): Group[] {
  const { unitNanos, listNanos = unitNanos, contractedNanos = unitNanos } = KINDS[kind];
  const charged = pieces.filter(
    (piece) => amountOf(kind, piece) > 0 && unitNanos(piece) !== undefined,
  );
  const priceOf = (piece: PricedPiece) => {
    const unit = unitNanos(piece) ?? 0n;
    return {
      unitNanos: unit,
      listUnitNanos: listNanos(piece) ?? unit,
      contractedUnitNanos: contractedNanos(piece) ?? unit,
    };
  };
  const groups = groupedBy(charged, (piece) => {
    const { gpuUuid, fromMs } = piece;
    const prices = Object.values(priceOf(piece)).map(String);
    return JSON.stringify([kind, gpuUuid, monthOf(fromMs).fromMs, ...prices, commitmentOf(piece)]);
  });
  return [...groups].flatMap(([key, own]) => {
    const [first] = own;
    if (!first) return [];
    const amount = sumOf(own, (piece) => amountOf(kind, piece));
    return { key, kind, pieces: own, first, amount, ...priceOf(first) };
  });
}

function commitmentOf({ prices }: PricedPiece): string | undefined {
  return prices?.commitment;
}

/** A fraction in billionths, rounded to the nearest. */
function fraction(part: bigint, whole: bigint): bigint {
  return (part * WHOLE * 2n + whole) / (whole * 2n);
}

function originOf(group: Group, figures: Figures): OriginCharge {
  const { kind, pieces, first, listUnitNanos, contractedUnitNanos } = group;
  const observed = pieces.filter((piece) => piece.charge !== "unobserved");
  const isTime = KINDS[kind].amount === "ms";
  return {
    ...figures,
    kind,
    gpu: first.gpu,
    month: monthOf(first.fromMs),
    fromMs: pieces.reduce((min, piece) => Math.min(min, piece.fromMs), Infinity),
    toMs: pieces.reduce((max, piece) => Math.max(max, piece.toMs), -Infinity),
    listUnitNanos,
    contractedUnitNanos,
    commitment: kind === "time" ? commitmentOf(first) : undefined,
    coverageNanos: isTime
      ? fraction(BigInt(sumOf(observed, (piece) => piece.timeMs)), BigInt(group.amount))
      : undefined,
  };
}

function allocate(group: Group, figures: Figures): AllocatedCharge[] {
  const origin = originOf(group, figures);
  const parts = groupedBy(group.pieces, (piece) =>
    JSON.stringify([piece.bearerKey, labelOf(piece), piece.charge]),
  );
  const amounts = [...parts.values()].map((of) =>
    sumOf(of, (piece) => amountOf(group.kind, piece)),
  );
  const claims = [...parts.keys()].map((key, i) => ({ key, weight: BigInt(amounts[i] ?? 0) }));
  // One unit price holds in all of them: what is split by amount is split by cost.
  const split = (total: bigint): bigint[] => splitExactly(total, claims);
  const [effective, contracted] = [split(figures.effective), split(figures.contracted)];
  const [list, quantity, ratios] = [split(figures.list), split(figures.quantity), split(WHOLE)];
  return [...parts.values()].flatMap((of, i) => {
    const [first] = of;
    if (!first) return [];
    return {
      origin,
      ownerKey: first.bearerKey,
      label: labelOf(first),
      charge: first.charge,
      facts: first.facts,
      effective: effective[i] ?? 0n,
      contracted: contracted[i] ?? 0n,
      list: list[i] ?? 0n,
      quantity: quantity[i] ?? 0n,
      ratioNanos: ratios[i] ?? 0n,
      amount: amounts[i] ?? 0,
      confidenceNanos: confidenceOf(of),
      simulated: of.some((piece) => piece.simulated || piece.gpu.simulated),
    };
  });
}

function confidenceOf(pieces: readonly PricedPiece[]): bigint | undefined {
  const observed = pieces.filter((piece) => piece.charge !== "unobserved");
  const ms = sumOf(observed, (piece) => piece.timeMs);
  if (ms === 0) return undefined;
  return BigInt(Math.round((sumOf(observed, (piece) => piece.confidenceMs) / ms) * 1e9));
}

function labelOf(piece: PricedPiece): string {
  return piece.charge === "unobserved" ? "unobserved" : piece.label;
}
