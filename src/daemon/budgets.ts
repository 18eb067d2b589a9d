import type { BudgetFact } from "../alert/facts.ts";
import type { PriceList } from "../bill/price-types.ts";
import { usageCost } from "../bill/usage-cost.ts";
import type { KnownGpu, LedgerReader, StoredSlice } from "../ledger/contract.ts";
import { amountsWithin } from "../model/cut.ts";
import { type ExactCost, parseNanos, settle } from "../model/money.ts";
import { ownerKey } from "../model/owner.ts";
import type { Slice } from "../model/slice.ts";
import type { Window } from "../model/window.ts";

export interface Budget {
  owner: string;
  /** A decimal amount in the price list's currency. */
  limit: string;
  period: "day" | "month";
}

interface Spending {
  budget: Budget;
  limitNanos: bigint;
  periodStartMs: number;
  spent: ExactCost;
  node: string;
  simulated: boolean;
}

/**
 * A slice is final a window late, so the last ones of a period come after its end: time alone turns
 * a period only when they have been counted.
 */
const SETTLE_MS = 60_000;

/**
 * What the owners with a budget have spent in the running period, kept up to date slice by slice in
 * event time. A slice of a GPU that has no price costs nothing here: `assay report` refuses it.
 */
export class BudgetMeter {
  private readonly prices: PriceList;
  private readonly spendings: Spending[];
  private readonly models = new Map<string, string>();

  constructor(budgets: readonly Budget[], prices: PriceList) {
    this.prices = prices;
    this.spendings = budgets.map((budget) => ({
      budget,
      limitNanos: parseNanos(budget.limit) ?? 0n,
      periodStartMs: Number.NEGATIVE_INFINITY,
      spent: 0n,
      node: "",
      simulated: false,
    }));
  }

  noteGpu(gpu: Pick<KnownGpu, "uuid" | "model">): void {
    this.models.set(gpu.uuid, gpu.model);
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
    for (const spending of this.spendings) {
      const fromMs = periodStart(extent.toMs - 1, spending.budget.period);
      spending.periodStartMs = fromMs;
      spending.spent = await this.spentIn({ fromMs, toMs: extent.toMs }, spending.budget, ledger);
      spending.node = gpus[0]?.node ?? "";
      spending.simulated = gpus.some((gpu) => gpu.simulated);
    }
  }

  /** @returns a fact for every budget whose owner had a slice, or whose period has changed */
  observe(slices: readonly Slice[], atMs: number): BudgetFact[] {
    const touched = new Set<Spending>();
    for (const slice of slices)
      for (const spending of this.spendings) {
        if (ownerKey(slice.owner) !== spending.budget.owner) continue;
        this.turnPeriod(spending, slice.fromMs);
        // Once the new period has begun for this owner, a straggler of the old one is not counted in it.
        if (slice.fromMs < spending.periodStartMs) continue;
        spending.spent += this.costOf(slice);
        spending.node = slice.node;
        spending.simulated = slice.simulated;
        touched.add(spending);
      }
    for (const spending of this.spendings)
      if (spending.node !== "" && this.turnPeriod(spending, atMs - SETTLE_MS))
        touched.add(spending);
    return [...touched].map((spending) => this.factOf(spending, atMs));
  }

  private turnPeriod(spending: Spending, atMs: number): boolean {
    const startMs = periodStart(atMs, spending.budget.period);
    if (startMs <= spending.periodStartMs) return false;
    spending.periodStartMs = startMs;
    spending.spent = 0n;
    return true;
  }

  /**
   * What the slices that begin in the window cost: sums between price changes. Slices that lie across
   * one count as `observe` counts them: by where they begin, and each by itself.
   */
  private async spentIn(
    window: Window,
    { owner }: Budget,
    ledger: LedgerReader,
  ): Promise<ExactCost> {
    const bounds = [window.fromMs, ...priceChanges(this.prices, window), window.toMs];
    const intervals = await ledger.usage(bounds);
    let spent = 0n;
    for (const { fromMs, toMs, rows } of intervals)
      for (const row of rows)
        if (row.ownerKey === owner) spent += this.costOf({ ...row, fromMs, toMs });
    for (const slices of await windowsAcross(ledger, bounds))
      for (const [i, slice] of slices.entries()) {
        if (ownerKey(slice.owner) !== owner) continue;
        if (slice.fromMs >= window.fromMs) spent += this.costOf(slice);
        for (const interval of intervals) {
          const part = amountsWithin(slice, slices, interval)[i];
          if (part) spent -= this.costOf({ ...interval, ...part, gpuUuid: slice.gpuUuid });
        }
      }
    return spent;
  }

  private costOf(used: Window & Pick<Slice, "gpuUuid" | "timeMs" | "energyMj">): ExactCost {
    return usageCost(this.prices, this.models.get(used.gpuUuid) ?? "", used).cost;
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

/** The instants inside the window at which any price begins or ends, ascending. */
function priceChanges({ gpus, energy }: PriceList, window: Window): number[] {
  const all = [...gpus, ...energy].flatMap(({ fromMs, toMs }) => [fromMs, toMs]);
  const inside = all.filter((atMs) => window.fromMs < atMs && atMs < window.toMs);
  return [...new Set(inside)].sort((a, b) => a - b);
}

/** The slices, window by window, of the windows that lie across a bound. */
async function windowsAcross(
  ledger: LedgerReader,
  bounds: readonly number[],
): Promise<StoredSlice[][]> {
  const windows = new Map<string, StoredSlice[]>();
  for (const atMs of bounds) {
    const touching = await ledger.slices({ fromMs: atMs, toMs: atMs + 1 });
    const across = touching.filter((slice) => slice.fromMs < atMs);
    for (const { gpuUuid, fromMs } of across)
      windows.set(
        `${gpuUuid} ${fromMs}`,
        across.filter((slice) => slice.gpuUuid === gpuUuid),
      );
  }
  return [...windows.values()];
}

/** Start of the UTC day or month that holds `atMs`. */
function periodStart(atMs: number, period: Budget["period"]): number {
  const at = new Date(atMs);
  const day = period === "day" ? at.getUTCDate() : 1;
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), day);
}
