import { AssayError } from "../model/errors.ts";
import type { Window } from "../model/window.ts";
import { formatInstant } from "./instant.ts";
import type { PriceList } from "./price-types.ts";
import { type PriceSpan, energyPriceSpans, gpuPriceSpans, priceAt } from "./price-lookup.ts";
import type { BilledGpu } from "./usage.ts";

/** The prices that hold in a window, by GPU model and for energy. */
export interface Rates {
  byModel: ReadonlyMap<string, readonly PriceSpan[]>;
  energy: readonly PriceSpan[];
}

/**
 * The prices of every device of the window.
 * @throws AssayError price/missing where a device has none for some of its time
 */
export function ratesFor(list: PriceList, gpus: readonly BilledGpu[], window: Window): Rates {
  const byModel = new Map<string, PriceSpan[]>();
  for (const { gpu } of gpus)
    byModel.set(gpu.model, byModel.get(gpu.model) ?? gpuPriceSpans(list, gpu.model, window));
  for (const billed of gpus) {
    const gap = byModel
      .get(billed.gpu.model)
      ?.find((span) => span.nanos === undefined && span.toMs > billed.fromMs);
    if (gap) throw missing(list, billed, { ...gap, fromMs: Math.max(gap.fromMs, billed.fromMs) });
  }
  return { byModel, energy: energyPriceSpans(list, window) };
}

/** The window's ends and every instant in it at which a price changes, ascending. */
export function boundsOf(window: Window, rates: Rates | undefined): number[] {
  const spans = rates ? [...rates.byModel.values(), rates.energy].flat() : [];
  const all = [window.fromMs, window.toMs, ...spans.map((span) => span.fromMs)];
  return [...new Set(all)].sort((a, b) => a - b);
}

export function gpuRate(rates: Rates, model: string, atMs: number): bigint | undefined {
  return priceAt(rates.byModel.get(model) ?? [], atMs);
}

function missing(list: PriceList, { gpu }: BilledGpu, gap: Window): AssayError {
  const [from, to] = [formatInstant(gap.fromMs), formatInstant(gap.toMs)];
  return new AssayError(
    "price/missing",
    `No price for "${gpu.model}" on node ${gpu.node} from ${from} to ${to}.`,
    {
      place: list.name,
      hint: `add under gpus:\n    - model: ${JSON.stringify(gpu.model)}\n      perGpuHour: "0.00" # your price in ${list.currency}\n      from: ${from}`,
    },
  );
}
