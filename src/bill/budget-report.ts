import type { LedgerReader } from "../ledger/contract.ts";
import { type ExactCost, parseNanos, settle } from "../model/money.ts";
import type { OwnerFacts } from "../model/owner.ts";
import type { Window } from "../model/window.ts";
import { countsForBudget } from "./budget-owner.ts";
import { type Burn, burnOf } from "./forecast.ts";
import { type BudgetPeriod, periodAt } from "./period.ts";
import type { PriceList } from "./price-types.ts";
import { type Spending, spendingBetween } from "./spending.ts";

const DAY_MS = 86_400_000;
/** Days that the mean is of. */
const BURN_DAYS = 7;

export interface BudgetAsked {
  /** As {@link countsForBudget} takes it. */
  owner: string;
  limit: string;
  period: BudgetPeriod;
}

export interface BudgetState {
  owner: string;
  period: BudgetPeriod;
  window: Window;
  spentNanos: bigint;
  limitNanos: bigint;
  burn: Burn;
}

export interface BudgetReport {
  nowMs: number;
  currency: string;
  /** Where the newest slice ends; absent where there is none. What came after is not counted yet. */
  ledgerEndMs?: number | undefined;
  simulated: boolean;
  budgets: readonly BudgetState[];
}

/**
 * What owners with a budget have spent of it, how fast it goes and where that leads.
 * @throws AssayError price/overlap, price/currency, report/unreconciled
 */
export async function budgetReport(
  ledger: LedgerReader,
  prices: PriceList,
  asked: readonly BudgetAsked[],
  nowMs: number,
): Promise<BudgetReport> {
  const facts = new Map((await ledger.owners()).map(({ key, proven }) => [key, proven]));
  const extent = await ledger.extent();
  const days = await wholeDays(ledger, prices, extent, nowMs);
  const spent = new Map<BudgetPeriod, Spending | undefined>();
  for (const { period } of asked) {
    const { fromMs } = periodAt(nowMs, period);
    if (spent.has(period) || fromMs === nowMs) continue;
    spent.set(period, (await spendingBetween(ledger, prices, [fromMs, nowMs]))[0]);
  }
  const budgets = asked.map(({ owner, limit, period }): BudgetState => {
    const window = periodAt(nowMs, period);
    const spentNanos = sumFor(owner, spent.get(period), facts);
    const limitNanos = parseNanos(limit) ?? 0n;
    const ownDays = days.map((day) => sumFor(owner, day, facts));
    const periodEndMs = window.toMs;
    const burn = burnOf({ spentNanos, limitNanos, nowMs, periodEndMs, days: ownDays });
    return { owner, period, window, spentNanos, limitNanos, burn };
  });
  const simulated = (await ledger.gpus()).some((gpu) => gpu.simulated);
  return { nowMs, currency: prices.currency, ledgerEndMs: extent?.toMs, simulated, budgets };
}

/** The last whole 24 hours of which the ledger has the beginning, the newest first. */
async function wholeDays(
  ledger: LedgerReader,
  prices: PriceList,
  extent: Window | undefined,
  nowMs: number,
): Promise<Spending[]> {
  const starts = Array.from({ length: BURN_DAYS + 1 }, (_, i) => nowMs - (BURN_DAYS - i) * DAY_MS);
  const known = starts.filter((atMs) => extent !== undefined && atMs >= extent.fromMs);
  const spent = await spendingBetween(ledger, prices, known);
  return spent.reverse();
}

function sumFor(
  owner: string,
  spending: Spending | undefined,
  facts: ReadonlyMap<string, OwnerFacts>,
): bigint {
  let sum: ExactCost = 0n;
  for (const [key, cost] of spending?.byOwner ?? [])
    if (countsForBudget(owner, key, facts.get(key))) sum += cost;
  return settle([{ key: "", cost: sum }]).total;
}
