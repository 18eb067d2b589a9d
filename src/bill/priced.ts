import type { KnownGpu } from "../ledger/contract.ts";
import { type ExactCost, energyCost, gpuTimeCost } from "../model/money.ts";
import { type Owner, type OwnerFacts, holderOf, parseOwnerKey } from "../model/owner.ts";
import type { UsagePiece } from "./piece.ts";
import type { UnitPrices } from "./rates.ts";
import type { Charge } from "./report-types.ts";

/** A piece of usage with its exact costs and what it is grouped by. */
export interface PricedPiece extends UsagePiece {
  gpu: KnownGpu;
  /** What is proven of its owner, or of who held the device: his own words change no bill. */
  facts: OwnerFacts | undefined;
  charge: Charge;
  /** Whose it is: the owner, or who held the device while it was idle. */
  bearerKey: string;
  pools: readonly string[];
  timeCost: ExactCost;
  energyCost: ExactCost;
  /** Of the time: what it would cost without a contract, and without what was paid in advance. */
  listTimeCost: ExactCost;
  contractedTimeCost: ExactCost;
  overheadCost: ExactCost;
  /** Billionths of a gram times 3.6e9; absent where no factor holds. */
  carbon?: bigint | undefined;
  prices?: UnitPrices | undefined;
}

/** What pieces of one device are priced and grouped with. */
export interface PricedGpu {
  gpu: KnownGpu;
  pools: readonly string[];
}

/** Prices a piece; no price changes inside it. Without prices every cost is 0. */
export function priced(
  piece: UsagePiece,
  { gpu, pools }: PricedGpu,
  prices: UnitPrices | undefined,
  factsOf: (ownerKey: string) => OwnerFacts | undefined,
): PricedPiece {
  const owner = parseOwnerKey(piece.ownerKey);
  const holder = owner && holderOf(owner);
  const bearerKey = holder ?? piece.ownerKey;
  const timeCost = gpuTimeCost(piece.timeMs, prices?.nanos ?? 0n);
  // Nearly always the same price: a month has thousands of pieces.
  const hour = (nanos: bigint = 0n): ExactCost =>
    nanos === prices?.nanos ? timeCost : nanos === 0n ? 0n : gpuTimeCost(piece.timeMs, nanos);
  const { overheadKwhNanos = 0n } = prices ?? {};
  return {
    ...piece,
    gpu,
    pools,
    facts: factsOf(bearerKey),
    charge: chargeOf(owner),
    bearerKey,
    prices,
    timeCost,
    energyCost: energyCost(piece.energyMj, prices?.kwhNanos ?? 0n),
    listTimeCost: hour(prices?.listNanos),
    contractedTimeCost: hour(prices?.contractedNanos),
    overheadCost:
      hour(prices?.overheadGpuHourNanos) +
      (overheadKwhNanos === 0n ? 0n : energyCost(piece.energyMj, overheadKwhNanos)),
    carbon:
      prices?.gramNanosPerKwh === undefined
        ? undefined
        : energyCost(piece.energyMj, prices.gramNanosPerKwh),
  };
}

/** What the time of an owner is charged as. */
function chargeOf(owner: Owner | undefined): Charge {
  if (owner?.kind === "unobserved") return "unobserved";
  if (owner?.kind !== "idle") return "used";
  return holderOf(owner) === undefined ? "idle" : "held";
}
