import type { BudgetFact } from "../alert/facts.ts";
import { energyPriceSpans, gpuPriceSpans, type PriceSpan } from "../bill/price-lookup.ts";
import type { PriceList } from "../bill/price-list.ts";
import { buildReport } from "../bill/report.ts";
import type { KnownGpu, LedgerReader } from "../ledger/contract.ts";
import {
  energyCost,
  EXACT_PER_NANO,
  type ExactCost,
  gpuTimeCost,
  parseNanos,
  settle,
} from "../model/money.ts";
import { ownerKey } from "../model/owner.ts";
import type { Slice } from "../model/slice.ts";
import { splitInteger } from "../model/split.ts";

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

  /** Takes over what the ledger holds of the running periods: after a restart. */
  async restore(ledger: LedgerReader, nowMs: number): Promise<void> {
    const extent = await ledger.extent();
    if (!extent) return;
    for (const gpu of await ledger.gpus()) this.noteGpu(gpu);
    for (const spending of this.spendings) {
      spending.periodStartMs = periodStart(nowMs, spending.budget.period);
      const window = { fromMs: spending.periodStartMs, toMs: Math.max(nowMs, extent.toMs) };
      if (extent.toMs <= window.fromMs) continue;
      const prices = this.prices;
      const report = await buildReport({ ledger, prices, window, groupBy: ["owner"], nowMs });
      const own = report.lines.filter((line) => line.group.owner === spending.budget.owner);
      const nanos = own.reduce((sum, line) => sum + (line.cost?.totalNanos ?? 0n), 0n);
      spending.spent = nanos * EXACT_PER_NANO;
    }
  }

  /** @returns a fact for every budget whose owner had a slice, or whose period has changed */
  observe(slices: readonly Slice[], atMs: number): BudgetFact[] {
    const touched = new Set<Spending>();
    for (const slice of slices)
      for (const spending of this.spendings) {
        if (ownerKey(slice.owner) !== spending.budget.owner) continue;
        this.turnPeriod(spending, slice.fromMs);
        spending.spent += this.costOf(slice);
        spending.node = slice.node;
        spending.simulated = slice.simulated;
        touched.add(spending);
      }
    for (const spending of this.spendings)
      if (spending.node !== "" && this.turnPeriod(spending, atMs)) touched.add(spending);
    return [...touched].map((spending) => this.factOf(spending, atMs));
  }

  private turnPeriod(spending: Spending, atMs: number): boolean {
    const startMs = periodStart(atMs, spending.budget.period);
    if (startMs <= spending.periodStartMs) return false;
    spending.periodStartMs = startMs;
    spending.spent = 0n;
    return true;
  }

  private costOf(slice: Slice): ExactCost {
    const model = this.models.get(slice.gpuUuid) ?? "";
    const gpuSpans = gpuPriceSpans(this.prices, model, slice);
    const energySpans = energyPriceSpans(this.prices, slice);
    const time = overSpans(slice.timeMs, gpuSpans, gpuTimeCost);
    return time + overSpans(slice.energyMj ?? 0, energySpans, energyCost);
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

/** A price that changes within the slice holds for its part of the slice only. */
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

/** Start of the UTC day or month that holds `atMs`. */
function periodStart(atMs: number, period: Budget["period"]): number {
  const at = new Date(atMs);
  const day = period === "day" ? at.getUTCDate() : 1;
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), day);
}
