import { holderOf, parseOwnerKey } from "../model/owner.ts";
import type { Window } from "../model/window.ts";
import { type AmountsDifference, between, pairedLines } from "./difference.ts";
import type { Amounts, Charge, Report, ReportLine } from "./report-types.ts";

export interface ComparedLine extends AmountsDifference {
  key: string;
  charge: Charge;
  group: ReportLine["group"];
  first: Amounts | undefined;
  second: Amounts | undefined;
  /** GPU time of the first over that of the second; undefined where the second had none. */
  ratio: number | undefined;
}

/** Two periods side by side. Differences are the first less the second, and sum to the total's. */
export interface Comparison {
  first: Report;
  second: Report;
  lines: readonly ComparedLine[];
  totals: AmountsDifference & { ratio: number | undefined };
  isOneCurrency: boolean;
}

/** @param second what the first is held against, made with the same groups */
export function compared(first: Report, second: Report): Comparison {
  const isOneCurrency = first.currency === second.currency;
  const lines = pairedLines(first, second).map(([a, b]): ComparedLine => {
    const { key = "", charge = "used", group = {} } = a ?? b ?? {};
    const difference = between(b, a, isOneCurrency);
    return { key, charge, group, first: a, second: b, ...difference, ratio: ratioOf(a, b) };
  });
  const totals = {
    ...between(second.totals, first.totals, isOneCurrency),
    ratio: ratioOf(first.totals, second.totals),
  };
  return { first, second, lines, totals, isOneCurrency };
}

function ratioOf(a: Amounts | undefined, b: Amounts | undefined): number | undefined {
  return b && b.gpuMs > 0 ? (a?.gpuMs ?? 0) / b.gpuMs : undefined;
}

/**
 * The period just before a window: as many calendar months (UTC) where the window is whole months,
 * and of the same length otherwise.
 */
export function periodBefore({ fromMs, toMs }: Window): Window {
  const [from, to] = [new Date(fromMs), new Date(toMs)];
  const months =
    12 * (to.getUTCFullYear() - from.getUTCFullYear()) + to.getUTCMonth() - from.getUTCMonth();
  if (!isMonthStart(from) || !isMonthStart(to) || months < 1)
    return { fromMs: fromMs - (toMs - fromMs), toMs: fromMs };
  const start = new Date(fromMs);
  start.setUTCMonth(start.getUTCMonth() - months);
  return { fromMs: start.getTime(), toMs: fromMs };
}

function isMonthStart(at: Date): boolean {
  return at.getUTCDate() === 1 && at.getTime() % 86_400_000 === 0;
}

/** What an owner had of GPUs against what they did with it. */
export interface Holding {
  ownerKey: string;
  /** Used and idle while held together: what the owner kept from others. */
  heldMs: number;
  usedMs: number;
  idleMs: number;
  /** Used over held, 0..1; undefined where nothing was held. */
  usedShare: number | undefined;
  /** Of the idle time; absent without a price list. */
  idleNanos?: bigint | undefined;
}

/** Lines that are nobody's: they hold nothing. */
const NOBODY: ReadonlySet<string | undefined> = new Set([
  "agent",
  "unattributed",
  "idle",
  "unobserved",
]);

/**
 * Who held devices, and how much of that they used; the most wasted first.
 * @param report grouped by owner alone
 */
export function holdings(report: Report): Holding[] {
  const byOwner = new Map<string, Holding>();
  for (const { charge, group, gpuMs, cost } of report.lines) {
    const owner = parseOwnerKey(group.owner ?? "");
    const isHeld = charge === "held";
    const key = (isHeld && owner && holderOf(owner)) || (group.owner ?? "");
    if (!isHeld && (charge !== "used" || NOBODY.has(owner?.kind))) continue;
    const holding = byOwner.get(key) ?? none(key, report);
    byOwner.set(key, holding);
    holding.heldMs += gpuMs;
    if (!isHeld) holding.usedMs += gpuMs;
    else {
      holding.idleMs += gpuMs;
      if (holding.idleNanos !== undefined) holding.idleNanos += cost?.totalNanos ?? 0n;
    }
  }
  const all = [...byOwner.values()];
  for (const each of all) each.usedShare = each.heldMs > 0 ? each.usedMs / each.heldMs : undefined;
  return all.sort(byWaste);
}

function none(ownerKey: string, { currency }: Report): Holding {
  const idleNanos = currency === undefined ? undefined : 0n;
  return { ownerKey, heldMs: 0, usedMs: 0, idleMs: 0, usedShare: undefined, idleNanos };
}

function byWaste(a: Holding, b: Holding): number {
  const [costA, costB] = [a.idleNanos ?? 0n, b.idleNanos ?? 0n];
  if (costA !== costB) return costA > costB ? -1 : 1;
  return b.idleMs - a.idleMs || b.heldMs - a.heldMs || (a.ownerKey < b.ownerKey ? -1 : 1);
}
