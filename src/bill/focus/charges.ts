import { type ExactCost, settle } from "../../model/money.ts";
import { splitExactly } from "../../model/split.ts";
import type { Window } from "../../model/window.ts";
import { groupedBy } from "../group.ts";
import { type PricedPiece, sumOf } from "../lines.ts";
import { bearerOf } from "../render/bearer.ts";
import type { Charge } from "../report-types.ts";
import { monthOf } from "./months.ts";

/** What is charged: a device's time, or the energy it took. */
export type ChargeKind = "time" | "energy";

/** One device's charge for one unit price in one month: what the allocated charges split. */
export interface OriginCharge extends Window {
  kind: ChargeKind;
  gpu: PricedPiece["gpu"];
  month: Window;
  /** Of a GPU-hour or a kWh, in billionths. */
  unitNanos: bigint;
  /** Billionths of the currency, and of an hour or a kWh. */
  costNanos: bigint;
  quantityNanos: bigint;
  /** Observed share of the time, 0..1 in billionths; absent for energy. */
  coverageNanos?: bigint | undefined;
}

/** An owner's part of an origin charge. The parts of one sum to it in every figure. */
export interface AllocatedCharge {
  origin: OriginCharge;
  /** Whose it is: the holder of held time. */
  ownerKey: string;
  label: string;
  charge: Charge;
  facts: PricedPiece["facts"];
  costNanos: bigint;
  quantityNanos: bigint;
  /** The part of the origin charge, in billionths: they sum to 1. */
  ratioNanos: bigint;
  /** Milliseconds, or millijoules: what the ratio is found from. */
  amount: number;
  simulated: boolean;
}

/** One billion billionths: the whole. */
const WHOLE = 1_000_000_000n;
const MS_PER_HOUR = 3_600_000n;
const MJ_PER_KWH = 3_600_000_000n;

/**
 * Usage as split charges. The costs of all of them sum to the cost of the whole to the last billionth:
 * first the total is rounded to origin charges, then each of them to its parts.
 * @param pieces cut at the months' ends; energy without a price is charged nothing and is left out
 */
export function allocatedCharges(pieces: readonly PricedPiece[]): AllocatedCharge[] {
  const withEnergyPrice = pieces.filter((piece) => piece.kwhNanos !== undefined);
  return [...chargesOf("time", pieces), ...chargesOf("energy", withEnergyPrice)];
}

function chargesOf(kind: ChargeKind, pieces: readonly PricedPiece[]): AllocatedCharge[] {
  const amountOf = (piece: PricedPiece): number =>
    kind === "time" ? piece.timeMs : piece.energyMj;
  const used = pieces.filter((piece) => amountOf(piece) > 0);
  const groups = groupedBy(used, (piece) =>
    JSON.stringify([piece.gpuUuid, monthOf(piece.fromMs).fromMs, String(unitPrice(kind, piece))]),
  );
  const { parts } = settle([...groups].map(([key, of]) => ({ key, cost: costOf(kind, of) })));
  return [...groups.values()].flatMap((of, i) => {
    const [first] = of;
    if (!first) return [];
    return allocate(originOf(kind, first, of, parts[i] ?? 0n), of, amountOf);
  });
}

function originOf(
  kind: ChargeKind,
  first: PricedPiece,
  all: readonly PricedPiece[],
  costNanos: bigint,
): OriginCharge {
  const observed = all.filter((piece) => piece.charge !== "unobserved");
  const ms = BigInt(sumOf(all, (piece) => piece.timeMs));
  const mj = BigInt(sumOf(all, (piece) => piece.energyMj));
  return {
    kind,
    gpu: first.gpu,
    month: monthOf(first.fromMs),
    fromMs: all.reduce((min, piece) => Math.min(min, piece.fromMs), Infinity),
    toMs: all.reduce((max, piece) => Math.max(max, piece.toMs), -Infinity),
    unitNanos: unitPrice(kind, first),
    costNanos,
    quantityNanos: kind === "time" ? ratio(ms, MS_PER_HOUR) : ratio(mj, MJ_PER_KWH),
    coverageNanos:
      kind === "time" && ms > 0n ? ratio(BigInt(sumOf(observed, (p) => p.timeMs)), ms) : undefined,
  };
}

/** A fraction in billionths, rounded to the nearest. */
function ratio(part: bigint, whole: bigint): bigint {
  return (part * WHOLE * 2n + whole) / (whole * 2n);
}

function allocate(
  origin: OriginCharge,
  pieces: readonly PricedPiece[],
  amountOf: (piece: PricedPiece) => number,
): AllocatedCharge[] {
  const parts = groupedBy(pieces, (piece) =>
    JSON.stringify([piece.ownerKey, labelOf(piece), piece.charge]),
  );
  const claims = [...parts].map(([key, of]) => ({ key, weight: BigInt(sumOf(of, amountOf)) }));
  // One unit price holds in all of them: what is split by amount is split by cost.
  const split = (total: bigint): bigint[] => splitExactly(total, claims);
  const [costs, quantities] = [split(origin.costNanos), split(origin.quantityNanos)];
  const ratios = split(WHOLE);
  return [...parts.values()].flatMap((of, i) => {
    const [first] = of;
    if (!first) return [];
    return {
      origin,
      ownerKey: bearerOf(first.ownerKey),
      label: labelOf(first),
      charge: first.charge,
      facts: first.facts,
      costNanos: costs[i] ?? 0n,
      quantityNanos: quantities[i] ?? 0n,
      ratioNanos: ratios[i] ?? 0n,
      amount: sumOf(of, amountOf),
      simulated: of.some((piece) => piece.simulated || piece.gpu.simulated),
    };
  });
}

function labelOf(piece: PricedPiece): string {
  return piece.charge === "unobserved" ? "unobserved" : piece.label;
}

function unitPrice(kind: ChargeKind, piece: PricedPiece): bigint {
  return (kind === "time" ? piece.gpuHourNanos : piece.kwhNanos) ?? 0n;
}

function costOf(kind: ChargeKind, pieces: readonly PricedPiece[]): ExactCost {
  return pieces.reduce(
    (sum, piece) => sum + (kind === "time" ? piece.timeCost : piece.energyCost),
    0n,
  );
}
