import type { LedgerReader } from "../ledger/contract.ts";
import type { ExactCost } from "../model/money.ts";
import { holderOf, parseOwnerKey } from "../model/owner.ts";
import type { Window } from "../model/window.ts";
import type { PriceList } from "./price-types.ts";
import { rateBounds, ratesOf, unitPricesAt } from "./rates.ts";
import { exactCost } from "./usage-cost.ts";

/**
 * Whose spending an owner's time is: the holder's, for a device that was idle in their hands. Where the
 * policy shares such time, it is nobody's.
 */
export function spenderOf(ownerKey: string, { allocation }: PriceList): string {
  const owner = parseOwnerKey(ownerKey);
  const holder = owner && holderOf(owner);
  if (holder === undefined) return ownerKey;
  return allocation?.idleHeld === "shared" ? "idle" : holder;
}

/** What owners spent in one stretch, before it is rounded. */
export interface Spending extends Window {
  byOwner: Map<string, ExactCost>;
}

/**
 * What each owner spent between neighbouring bounds: own time, and idle time while holding a device,
 * as a report has it, without shares and overhead. Time without a price costs nothing here.
 * @param bounds whole milliseconds, ascending, no two the same
 * @throws AssayError price/overlap, price/currency, report/unreconciled
 */
export async function spendingBetween(
  ledger: LedgerReader,
  prices: PriceList,
  bounds: readonly number[],
): Promise<Spending[]> {
  const [fromMs, toMs] = [bounds[0] ?? 0, bounds.at(-1) ?? 0];
  if (bounds.length < 2) return [];
  const rates = ratesOf(prices, await ledger.gpus(), { fromMs, toMs });
  const cuts = rateBounds(rates).filter((atMs) => fromMs < atMs && atMs < toMs);
  const all = [...new Set([...bounds, ...cuts])].sort((a, b) => a - b);
  const out: Spending[] = bounds
    .slice(1)
    .map((end, i) => ({ fromMs: bounds[i] ?? end, toMs: end, byOwner: new Map() }));
  let at = 0;
  for (const interval of await ledger.usage(all)) {
    while ((out[at]?.toMs ?? Infinity) <= interval.fromMs) at += 1;
    const byOwner = out[at]?.byOwner ?? new Map<string, ExactCost>();
    for (const row of interval.rows) {
      const key = spenderOf(row.ownerKey, prices);
      const cost = exactCost(row, unitPricesAt(rates, row.gpuUuid, interval.fromMs));
      byOwner.set(key, (byOwner.get(key) ?? 0n) + cost);
    }
  }
  return out;
}
