import type { BudgetFact } from "../alert/facts.ts";
import { countsForBudget, goesByFacts } from "../bill/budget-owner.ts";
import { groupedBy } from "../bill/group.ts";
import { type BudgetPeriod, periodAt } from "../bill/period.ts";
import type { PriceList } from "../bill/price-types.ts";
import { spenderOf, spendingBetween } from "../bill/spending.ts";
import { exactCost, PriceClock, usageCost } from "../bill/usage-cost.ts";
import type { KnownGpu, KnownOwner, LedgerReader } from "../ledger/contract.ts";
import { amountsWithin } from "../model/cut.ts";
import { AssayError } from "../model/errors.ts";
import { type ExactCost, parseNanos, settle } from "../model/money.ts";
import { type OwnerFacts, ownerKey } from "../model/owner.ts";
import type { Slice } from "../model/slice.ts";
import { windowLengthMs } from "../model/window.ts";

export interface Budget {
  /** As {@link countsForBudget} takes it. */
  owner: string;
  /** A decimal amount in the price list's currency. */
  limit: string;
  period: BudgetPeriod;
}

interface Spending {
  budget: Budget;
  limitNanos: bigint;
  periodStartMs: number;
  spent: ExactCost;
  /** Of a budget that goes by facts: what the owners spent of whom they may become known. */
  others: Map<string, Other>;
  node: string;
  simulated: boolean;
}

interface Other {
  startMs: number;
  spent: ExactCost;
  newest: Pick<Slice, "node" | "simulated">;
}

/** What one owner spent in a stretch that lies in one period. */
interface Spent {
  fromMs: number;
  spender: string;
  cost: ExactCost;
  slice: Pick<Slice, "node" | "simulated">;
}

/**
 * A slice is final a window late, so the last ones of a period come after its end: time alone turns
 * a period only when they have been counted.
 */
const SETTLE_MS = 60_000;

/**
 * What the owners with a budget have spent in the running period, kept up to date slice by slice in
 * event time: their own time, and that of devices that were idle while they held them. A slice of a GPU
 * that has no price costs nothing here: `assay report` refuses it.
 */
export class BudgetMeter {
  private readonly prices: PriceList;
  private readonly clock: PriceClock;
  private readonly spendings: Spending[];
  private readonly models = new Map<string, string>();
  private readonly facts = new Map<string, OwnerFacts>();
  /** Whose spending changed because somebody became known. */
  private changed = new Set<Spending>();

  constructor(budgets: readonly Budget[], prices: PriceList) {
    this.prices = prices;
    this.clock = new PriceClock(prices);
    this.spendings = budgets.map((budget) => ({
      budget,
      limitNanos: parseNanos(budget.limit) ?? 0n,
      periodStartMs: Number.NEGATIVE_INFINITY,
      spent: 0n,
      others: new Map(),
      node: "",
      simulated: false,
    }));
  }

  noteGpu(gpu: Pick<KnownGpu, "uuid" | "model">): void {
    this.models.set(gpu.uuid, gpu.model);
  }

  /** What is proven of owners; what they spent before it was known counts as if it had been. */
  noteOwners(owners: readonly Pick<KnownOwner, "key" | "proven">[]): void {
    const known = this.spendings.filter(({ budget }) => goesByFacts(budget.owner));
    if (known.length === 0) return;
    for (const { key, proven } of owners) {
      this.facts.set(key, proven);
      for (const spending of known) {
        const other = spending.others.get(key);
        if (!other || !countsForBudget(spending.budget.owner, key, proven)) continue;
        spending.others.delete(key);
        this.turnPeriod(spending, other.startMs);
        if (other.startMs !== spending.periodStartMs) continue;
        spending.spent += other.spent;
        spending.node = other.newest.node;
        spending.simulated = other.newest.simulated;
        this.changed.add(spending);
      }
    }
  }

  /**
   * Takes over what the ledger holds of the periods that its newest slice lies in: after a restart.
   * Periods are of event time, so that a recording's budgets restart like a live node's.
   */
  async restore(ledger: LedgerReader): Promise<void> {
    const extent = await ledger.extent();
    if (!extent) return;
    const gpus = await ledger.gpus();
    for (const gpu of gpus) this.noteGpu(gpu);
    this.noteOwners(await ledger.owners());
    for (const spending of this.spendings) {
      const { fromMs } = periodAt(extent.toMs - 1, spending.budget.period);
      spending.periodStartMs = fromMs;
      spending.node = gpus[0]?.node ?? "";
      spending.simulated = gpus.some((gpu) => gpu.simulated);
      const [sums] = await spendingBetween(ledger, this.prices, [fromMs, extent.toMs]);
      for (const [spender, cost] of sums?.byOwner ?? [])
        this.add(spending, { spender, fromMs, cost, slice: spending });
    }
  }

  /** @returns a fact for every budget whose owner had a slice, or whose period has changed */
  observe(slices: readonly Slice[], atMs: number): BudgetFact[] {
    const touched = this.changed;
    this.changed = new Set();
    const windows = groupedBy(slices, ({ gpuUuid, fromMs }) => `${gpuUuid} ${fromMs}`);
    for (const spent of [...windows.values()].flatMap((own) => this.spentOn(own)))
      for (const spending of this.spendings) {
        if (!this.add(spending, spent)) continue;
        spending.node = spent.slice.node;
        spending.simulated = spent.slice.simulated;
        touched.add(spending);
      }
    for (const spending of this.spendings)
      if (spending.node !== "" && this.turnPeriod(spending, atMs - SETTLE_MS))
        touched.add(spending);
    return [...touched].map((spending) => this.factOf(spending, atMs));
  }

  /** @returns whether it counts for the budget */
  private add(spending: Spending, spent: Spent): boolean {
    const { owner, period } = spending.budget;
    const { spender, fromMs, cost } = spent;
    if (!countsForBudget(owner, spender, this.facts.get(spender))) {
      if (goesByFacts(owner)) addOther(spending, periodAt(fromMs, period).fromMs, spent);
      return false;
    }
    this.turnPeriod(spending, fromMs);
    // Once the new period has begun for this owner, a straggler of the old one is not counted in it.
    if (fromMs < spending.periodStartMs) return false;
    spending.spent += cost;
    return true;
  }

  private turnPeriod(spending: Spending, atMs: number): boolean {
    const startMs = periodAt(atMs, spending.budget.period).fromMs;
    if (startMs <= spending.periodStartMs) return false;
    spending.periodStartMs = startMs;
    spending.spent = 0n;
    for (const [key, other] of spending.others)
      if (other.startMs < startMs) spending.others.delete(key);
    return true;
  }

  /** What the slices of one device's window cost, cut where a price changes or a day begins. */
  private spentOn(slices: readonly Slice[]): Spent[] {
    const [first] = slices;
    if (!first) return [];
    const { gpuUuid, fromMs, toMs, node } = first;
    const device = { uuid: gpuUuid, node, model: this.models.get(gpuUuid) ?? "" };
    const spent = (slice: Slice, atMs: number, cost: ExactCost): Spent => {
      return { slice, fromMs: atMs, spender: spenderOf(ownerKey(slice.owner), this.prices), cost };
    };
    try {
      const changes = this.clock.changes(device, first);
      const wholeMs = slices.reduce((acc, { timeMs }) => acc + timeMs, 0);
      if (changes.length === 0 || wholeMs !== windowLengthMs(first))
        return slices.map((slice) =>
          spent(slice, fromMs, usageCost(this.clock, device, slice).cost),
        );
      const bounds = [fromMs, ...changes, toMs];
      return bounds.slice(1).flatMap((endMs, i) => {
        const part = { fromMs: bounds[i] ?? endMs, toMs: endMs };
        const prices = this.clock.at(device, part.fromMs);
        return amountsWithin(first, slices, part).flatMap((amounts, j) => {
          const slice = slices[j];
          return slice ? [spent(slice, part.fromMs, exactCost(amounts, prices))] : [];
        });
      });
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      return slices.map((slice) => spent(slice, fromMs, 0n));
    }
  }

  private factOf(spending: Spending, atMs: number): BudgetFact {
    const { budget, limitNanos, periodStartMs, spent, node, simulated } = spending;
    return {
      node,
      ownerKey: budget.owner,
      period: budget.period,
      currency: this.prices.currency,
      periodStartMs,
      spentNanos: settle([{ key: "", cost: spent }]).total,
      limitNanos,
      atMs,
      simulated,
    };
  }
}

function addOther({ others }: Spending, startMs: number, { spender, cost, slice }: Spent): void {
  const { node, simulated } = slice;
  const known = others.get(spender);
  if (known?.startMs === startMs) known.spent += cost;
  else if (!known || known.startMs < startMs)
    others.set(spender, { startMs, spent: cost, newest: { node, simulated } });
}
