import { type ExactCost, energyCost, gpuTimeCost } from "../../model/money.ts";
import type { PricedPiece } from "../priced.ts";

/** What is charged: a device's time, the energy it took, and what the price list adds to either. */
export const CHARGE_KINDS = ["time", "energy", "overhead-time", "overhead-energy"] as const;
export type ChargeKind = (typeof CHARGE_KINDS)[number];

/** How usage is made into charges of a kind. */
export interface KindSpec {
  /** `ms` is charged by the hour, `mJ` by the kWh. */
  amount: "ms" | "mJ";
  /** The price of an hour or a kWh; undefined where the price list has none. */
  unitNanos: (piece: PricedPiece) => bigint | undefined;
  /** The same without a contract, and as it is invoiced; both `unitNanos` where absent. */
  listNanos?: (piece: PricedPiece) => bigint | undefined;
  contractedNanos?: (piece: PricedPiece) => bigint | undefined;
  meter: string;
  /** Before the device's name, in a sentence. */
  what: string;
}

export const KINDS: Readonly<Record<ChargeKind, KindSpec>> = {
  time: {
    amount: "ms",
    unitNanos: ({ prices }) => prices?.nanos,
    listNanos: ({ prices }) => prices?.listNanos,
    contractedNanos: ({ prices }) => prices?.contractedNanos,
    meter: "GPU Time",
    what: "GPU time",
  },
  energy: {
    amount: "mJ",
    unitNanos: ({ prices }) => prices?.kwhNanos,
    meter: "Energy",
    what: "Energy",
  },
  "overhead-time": {
    amount: "ms",
    unitNanos: ({ prices }) => orNone(prices?.overheadGpuHourNanos),
    meter: "GPU Time Overhead",
    what: "Overhead on the time",
  },
  "overhead-energy": {
    amount: "mJ",
    unitNanos: ({ prices }) => orNone(prices?.overheadKwhNanos),
    meter: "Energy Overhead",
    what: "Overhead on the energy",
  },
};

/** No overhead is no charge; a price of nothing is one. */
function orNone(nanos: bigint | undefined): bigint | undefined {
  return nanos === 0n ? undefined : nanos;
}

/** Kinds whose sum a report rounds as one. */
export const ROUNDED_TOGETHER: readonly (readonly ChargeKind[])[] = [
  ["time"],
  ["energy"],
  ["overhead-time", "overhead-energy"],
];

export function amountOf(kind: ChargeKind, piece: PricedPiece): number {
  return KINDS[kind].amount === "ms" ? piece.timeMs : piece.energyMj;
}

/** An exact cost: milliseconds at the price of an hour, or millijoules at the price of a kWh. */
export function exactCost(kind: ChargeKind, amount: number, unitNanos: bigint): ExactCost {
  return KINDS[kind].amount === "ms"
    ? gpuTimeCost(amount, unitNanos)
    : energyCost(amount, unitNanos);
}
