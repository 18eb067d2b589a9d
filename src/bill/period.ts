import type { Window } from "../model/window.ts";

export type BudgetPeriod = "day" | "month";

/** The UTC day or month that holds `atMs`. */
export function periodAt(atMs: number, period: BudgetPeriod): Window {
  const at = new Date(atMs);
  const [year, month, date] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  if (period === "day")
    return { fromMs: Date.UTC(year, month, date), toMs: Date.UTC(year, month, date + 1) };
  return { fromMs: Date.UTC(year, month, 1), toMs: Date.UTC(year, month + 1, 1) };
}
