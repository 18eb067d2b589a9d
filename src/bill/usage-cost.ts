import { energyCost, type ExactCost, gpuTimeCost } from "../model/money.ts";
import { splitInteger } from "../model/split.ts";
import type { Window } from "../model/window.ts";
import { energyPriceSpans, gpuPriceSpans, type PriceSpan } from "./price-lookup.ts";
import type { PriceList } from "./price-types.ts";

/** What GPU time and energy of a window cost. */
export interface UsageCost {
  cost: ExactCost;
  /** A GPU price held over all of it: without one the time costs nothing here. */
  isPriced: boolean;
}

/**
 * Cost of what was used of one GPU model in a window. A price that changes within it holds for its
 * part of the window only.
 * @throws AssayError price/overlap
 */
export function usageCost(
  prices: PriceList,
  model: string,
  used: Window & { timeMs: number; energyMj?: number | undefined },
): UsageCost {
  const gpuSpans = gpuPriceSpans(prices, model, used);
  const time = overSpans(used.timeMs, gpuSpans, gpuTimeCost);
  const energy = overSpans(used.energyMj ?? 0, energyPriceSpans(prices, used), energyCost);
  return { cost: time + energy, isPriced: gpuSpans.every(({ nanos }) => nanos !== undefined) };
}

function overSpans(
  amount: number,
  spans: readonly PriceSpan[],
  cost: (amount: number, nanos: bigint) => ExactCost,
): ExactCost {
  if (amount === 0) return 0n;
  const claims = spans.map((span) => ({
    key: String(span.fromMs),
    weight: span.toMs - span.fromMs,
  }));
  const parts = splitInteger(amount, claims);
  return spans.reduce((sum, span, i) => sum + cost(parts[i] ?? 0, span.nanos ?? 0n), 0n);
}
