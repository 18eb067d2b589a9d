import { AssayError } from "../model/errors.ts";
import { intersect } from "../model/window.ts";
import { groupedBy } from "./group.ts";
import { formatInstant } from "./instant.ts";
import type { DatedPrice, PriceList } from "./price-types.ts";

/**
 * Two prices of one pattern, or of energy, must not hold at one time.
 * @throws AssayError price/overlap with both lines
 */
export function checkOverlaps(list: PriceList): void {
  const byPattern = groupedBy(list.gpus, (price) => price.pattern);
  for (const [pattern, prices] of byPattern) checkSeries(prices, `"${pattern}"`, list.name);
  checkSeries(list.energy, "energy", list.name);
}

function checkSeries(prices: readonly DatedPrice[], what: string, name: string): void {
  const sorted = [...prices].sort((a, b) => a.fromMs - b.fromMs || a.line - b.line);
  for (const [i, price] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next && intersect(price, next)) throw overlap(price, next, what, name);
  }
}

/** The error for two prices that both hold from the later one's start. */
export function overlap(a: DatedPrice, b: DatedPrice, what: string, name: string): AssayError {
  const [first, second] = a.line <= b.line ? [a, b] : [b, a];
  const fromMs = Math.max(a.fromMs, b.fromMs);
  return new AssayError(
    "price/overlap",
    `Two prices of ${what} hold on ${formatInstant(fromMs)}: lines ${first.line} and ${second.line}.`,
    {
      place: `${name}:${second.line}`,
      hint: "give the earlier price a `to`, or make one pattern more specific",
    },
  );
}
