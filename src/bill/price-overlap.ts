import { intersect } from "../model/window.ts";
import { groupedBy } from "./group.ts";
import { type OverlapOf, overlap } from "./overlap-error.ts";
import type { DatedPrice, GpuPrice, PriceList, Tariff } from "./price-types.ts";
import { firstSharedMs, isTimed, isWithin } from "./tariff.ts";

/**
 * Two prices for the same devices, of energy, or two rates of the same currencies must not hold at
 * one time. What can only be seen with a device or an hour at hand is found when it is used.
 * @throws AssayError price/overlap with both lines
 */
export function checkOverlaps(list: PriceList): void {
  const { name } = list;
  for (const prices of [list.gpus, list.commitments])
    for (const [key, alike] of groupedBy(prices, scopeKey))
      checkSeries(alike, { what: key, name, mend: "pattern" });
  for (const [what, tariffs] of [
    ["energy", list.energy],
    ["carbon", list.carbon],
  ] as const) {
    checkSeries(
      tariffs.filter((each) => !isTimed(each)),
      { what, name, mend: "flat" },
    );
    checkTimed(tariffs.filter(isTimed), { what, name, mend: "hours" });
  }
  for (const [pair, rates] of groupedBy(list.rates, (rate) => `${rate.of} in ${rate.in}`))
    checkSeries(rates, { what: pair, name, mend: "dates" });
  const pues = list.overhead.filter(({ kind }) => kind === "pue");
  checkSeries(pues, { what: "the PUE", name, mend: "dates" });
}

function scopeKey({ pattern, scope }: GpuPrice): string {
  return scope ? `"${pattern}" on ${scope.kind} "${scope.pattern}"` : `"${pattern}"`;
}

function checkSeries(prices: readonly DatedPrice[], of: OverlapOf): void {
  const sorted = [...prices].sort((a, b) => a.fromMs - b.fromMs || a.line - b.line);
  for (const [i, price] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next && intersect(price, next)) throw overlap(price, next, of);
  }
}

/** As long as every hour of the week comes in it, whatever is done to the clock. */
const SURELY_MS = 15 * 86_400_000;

/** Hours of one zone that are alike on a day of the week both tariffs hold for are seen here. */
function checkTimed(tariffs: readonly Tariff[], of: OverlapOf): void {
  for (const [i, one] of tariffs.entries())
    for (const other of tariffs.slice(i + 1)) {
      const both = intersect(one, other);
      if (!both || both.toMs - both.fromMs < SURELY_MS || one.zone !== other.zone) continue;
      if (!shareAMinute(one, other)) continue;
      const soon = { fromMs: both.fromMs, toMs: both.fromMs + SURELY_MS };
      throw overlap(one, other, of, firstSharedMs(one, other, soon));
    }
}

function shareAMinute(one: Tariff, other: Tariff): boolean {
  const starts = [one, other].flatMap(({ hours }) => [hours?.fromMinute ?? 0, 0]);
  return [1, 2, 3, 4, 5, 6, 7].some((day) =>
    starts.some((minute) => [one, other].every((each) => holdsAt(each, day, minute))),
  );
}

function holdsAt({ hours, days }: Tariff, day: number, minute: number): boolean {
  return isWithin(hours ?? { fromMinute: 0, toMinute: 24 * 60 }, days, day, minute);
}
