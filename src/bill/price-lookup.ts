import { type Window, intersect } from "../model/window.ts";
import { matchesPattern, specificity } from "./pattern.ts";
import type { DatedPrice, GpuPrice, PriceList } from "./price-types.ts";
import { overlap } from "./price-overlap.ts";

/** A stretch in which one price holds; `nanos` is absent where none does. */
export interface PriceSpan extends Window {
  nanos?: bigint | undefined;
}

/**
 * What a GPU-hour of `model` costs over the window, in order and without gaps.
 * The most specific pattern that holds wins; the default fills what is left.
 * @throws AssayError price/overlap where two patterns fit equally well
 */
export function gpuPriceSpans(list: PriceList, model: string, window: Window): PriceSpan[] {
  const fitting = list.gpus.filter((price) => matchesPattern(price.pattern, model));
  return spans(fitting, window, (holding, atMs) => {
    const best = mostSpecific(list, model, holding, atMs);
    return best?.nanos ?? list.defaultPrice?.nanos;
  });
}

/** What a kWh costs over the window. */
export function energyPriceSpans(list: PriceList, window: Window): PriceSpan[] {
  return spans(list.energy, window, ([price]) => price?.nanos);
}

/** The price at an instant, out of spans that hold it. */
export function priceAt(of: readonly PriceSpan[], atMs: number): bigint | undefined {
  return of.find((span) => span.fromMs <= atMs && atMs < span.toMs)?.nanos;
}

function spans<P extends DatedPrice>(
  prices: readonly P[],
  window: Window,
  choose: (holding: readonly P[], atMs: number) => bigint | undefined,
): PriceSpan[] {
  const inside = prices
    .flatMap((price) => [price.fromMs, price.toMs])
    .filter((atMs) => window.fromMs < atMs && atMs < window.toMs);
  const bounds = [...new Set([window.fromMs, ...inside, window.toMs])].sort((a, b) => a - b);
  const out: PriceSpan[] = [];
  for (const [i, fromMs] of bounds.entries()) {
    const toMs = bounds[i + 1];
    if (toMs === undefined) break;
    const holding = prices.filter((price) => intersect(price, { fromMs, toMs }));
    const nanos = choose(holding, fromMs);
    const last = out.at(-1);
    if (last && last.nanos === nanos) last.toMs = toMs;
    else out.push({ fromMs, toMs, nanos });
  }
  return out;
}

function mostSpecific(
  list: PriceList,
  model: string,
  holding: readonly GpuPrice[],
  atMs: number,
): GpuPrice | undefined {
  const ranked = [...holding].sort((a, b) => specificity(b.pattern) - specificity(a.pattern));
  const [best, second] = ranked;
  if (best && second && specificity(best.pattern) === specificity(second.pattern)) {
    const at = { fromMs: atMs };
    throw overlap({ ...best, ...at }, { ...second, ...at }, `"${model}"`, list.name);
  }
  return best;
}
