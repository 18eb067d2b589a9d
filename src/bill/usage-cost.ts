import { energyCost, type ExactCost, gpuTimeCost } from "../model/money.ts";
import { splitInteger } from "../model/split.ts";
import type { Window } from "../model/window.ts";
import type { PricedDevice, PriceList } from "./price-types.ts";
import { rateBounds, type Rates, ratesOf, type UnitPrices, unitPricesAt } from "./rates.ts";

/** What GPU time and energy of a window cost. */
export interface UsageCost {
  cost: ExactCost;
  /** A GPU price held over all of it: without one the time costs nothing here. */
  isPriced: boolean;
}

const DAY_MS = 86_400_000;
/** Days of one device whose prices are kept: slices come in order, more or less. */
const MAX_DAYS = 512;

/** A price list, asked again and again for what holds about now: it remembers by device and UTC day. */
export class PriceClock {
  private readonly prices: PriceList;
  private readonly days = new Map<string, Rates>();

  constructor(prices: PriceList) {
    this.prices = prices;
  }

  /**
   * The instants inside the window at which a price of the device changes, ascending.
   * @throws AssayError price/overlap, price/currency
   */
  changes(device: PricedDevice, { fromMs, toMs }: Window): number[] {
    const all: number[] = [];
    for (let dayMs = dayStart(fromMs); dayMs < toMs; dayMs += DAY_MS)
      all.push(...rateBounds(this.ratesOn(device, dayMs)).filter((atMs) => atMs !== dayMs));
    const inside = all.filter((atMs) => fromMs < atMs && atMs < toMs);
    return [...new Set(inside), ...midnights(fromMs, toMs)].sort((a, b) => a - b);
  }

  /** @throws AssayError price/overlap, price/currency */
  at(device: PricedDevice, atMs: number): UnitPrices {
    return unitPricesAt(this.ratesOn(device, dayStart(atMs)), device.uuid, atMs);
  }

  private ratesOn(device: PricedDevice, dayMs: number): Rates {
    const key = JSON.stringify([device.node, device.uuid, device.model, dayMs]);
    const known = this.days.get(key);
    if (known) return known;
    if (this.days.size >= MAX_DAYS) this.days.clear();
    const rates = ratesOf(this.prices, [device], { fromMs: dayMs, toMs: dayMs + DAY_MS });
    this.days.set(key, rates);
    return rates;
  }
}

function dayStart(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}

/** A price may change at midnight: what is remembered by the day does not tell. */
function midnights(fromMs: number, toMs: number): number[] {
  const out: number[] = [];
  for (let atMs = dayStart(fromMs) + DAY_MS; atMs < toMs; atMs += DAY_MS) out.push(atMs);
  return out;
}

/** Cost of time and energy in which no price changes. */
export function exactCost(
  { timeMs, energyMj = 0 }: { timeMs: number; energyMj?: number | undefined },
  { nanos, kwhNanos }: UnitPrices,
): ExactCost {
  return gpuTimeCost(timeMs, nanos ?? 0n) + energyCost(energyMj, kwhNanos ?? 0n);
}

/**
 * Cost of what was used of one GPU in a window. A price that changes within it holds for its part of
 * the window only.
 * @throws AssayError price/overlap, price/currency
 */
export function usageCost(
  clock: PriceClock,
  device: PricedDevice,
  used: Window & { timeMs: number; energyMj?: number | undefined },
): UsageCost {
  const bounds = [used.fromMs, ...clock.changes(device, used), used.toMs];
  const spans = bounds.slice(1).map((toMs, i) => ({ fromMs: bounds[i] ?? toMs, toMs }));
  const claims = spans.map(({ fromMs, toMs }) => ({ key: String(fromMs), weight: toMs - fromMs }));
  const split = (amount: number): number[] =>
    amount === 0 ? spans.map(() => 0) : splitInteger(amount, claims);
  const [times, energies] = [split(used.timeMs), split(used.energyMj ?? 0)];
  let cost: ExactCost = 0n;
  let isPriced = true;
  for (const [i, { fromMs }] of spans.entries()) {
    const prices = clock.at(device, fromMs);
    cost += exactCost({ timeMs: times[i] ?? 0, energyMj: energies[i] ?? 0 }, prices);
    isPriced &&= prices.nanos !== undefined;
  }
  return { cost, isPriced };
}
