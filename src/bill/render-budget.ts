import Table from "cli-table3";
import { formatDuration } from "../model/duration.ts";
import { formatDecimal } from "../model/money.ts";
import { sanitize } from "../model/text.ts";
import type { BudgetReport, BudgetState } from "./budget-report.ts";
import { formatInstant } from "./instant.ts";

const MAX_CELL = 48;
/** A ledger whose newest slice is older than that does not tell what was spent up to now. */
const STALE_MS = 3_600_000;
const CENT = 10_000_000n;

/** Budgets for a terminal. Amounts are rounded to cents. */
export function renderBudgetTable(report: BudgetReport): string {
  const { nowMs, currency, budgets } = report;
  const table = new Table({
    head: [
      "Owner",
      "Period",
      `Spent ${currency}`,
      "Limit",
      "Share",
      "24 h",
      "A day",
      "Forecast",
      "Limit reached",
    ],
    colAligns: ["left", "left", "right", "right", "right", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  table.push(...budgets.map((budget) => row(budget, nowMs)));
  const notes = [
    "A day: mean of the last 7 whole days, of those that are known. Forecast: to the end of the",
    "period at that mean; in brackets an 80 % range, where three days or more are known.",
  ];
  const head = [`Budgets at ${formatInstant(nowMs)} (UTC)`, ...ledgerNote(report)];
  if (report.simulated)
    head.unshift("*** SIMULATED: at least one GPU here was not measured on a real device ***");
  return `${head.join("\n")}\n\n${table.toString()}\n\n${notes.join("\n")}\n`;
}

function ledgerNote({ ledgerEndMs, nowMs }: BudgetReport): string[] {
  if (ledgerEndMs === undefined) return ["The ledger holds no slice yet."];
  if (nowMs - ledgerEndMs <= STALE_MS) return [];
  const age = formatDuration(nowMs - ledgerEndMs);
  return [
    `The newest slice ends at ${formatInstant(ledgerEndMs)}, ${age} before: nothing is known since.`,
  ];
}

function row(
  { owner, period, spentNanos, limitNanos, burn }: BudgetState,
  nowMs: number,
): string[] {
  const { forecast } = burn;
  const range =
    forecast?.lowNanos === undefined
      ? ""
      : ` (${cents(forecast.lowNanos)} to ${cents(forecast.highNanos)})`;
  const reached =
    forecast?.exhaustedAtMs === undefined
      ? "not in the period"
      : forecast.exhaustedAtMs <= nowMs
        ? "exceeded"
        : formatInstant(Math.floor(forecast.exhaustedAtMs / 60_000) * 60_000);
  return [
    sanitize(owner, MAX_CELL),
    period,
    cents(spentNanos),
    cents(limitNanos),
    shareText(spentNanos, limitNanos),
    cents(burn.lastDayNanos),
    cents(burn.perDayNanos),
    forecast ? `${cents(forecast.nanos)}${range}` : "too few data",
    forecast ? reached : spentNanos > limitNanos ? "exceeded" : "",
  ];
}

function shareText(spentNanos: bigint, limitNanos: bigint): string {
  const share = shareOf(spentNanos, limitNanos);
  return share === undefined ? "" : `${(share * 100).toFixed(1)} %`;
}

function shareOf(spentNanos: bigint, limitNanos: bigint): number | undefined {
  return limitNanos === 0n ? undefined : Number((spentNanos * 1_000_000n) / limitNanos) / 1e6;
}

function cents(nanos: bigint | undefined): string {
  return nanos === undefined ? "" : formatDecimal((nanos + CENT / 2n) / CENT, 2);
}

/** Budgets as JSON: amounts are decimal strings of nine places, what is not known is absent. */
export function renderBudgetJson({
  nowMs,
  currency,
  ledgerEndMs,
  simulated,
  budgets,
}: BudgetReport): string {
  const document = {
    format: "gpu-assay/budget/1",
    simulated,
    at: formatInstant(nowMs),
    ledgerEnd: ledgerEndMs === undefined ? undefined : formatInstant(ledgerEndMs),
    currency,
    budgets: budgets.map(({ owner, period, window, spentNanos, limitNanos, burn }) => ({
      owner,
      period,
      from: formatInstant(window.fromMs),
      to: formatInstant(window.toMs),
      spent: decimal(spentNanos),
      limit: decimal(limitNanos),
      share: shareOf(spentNanos, limitNanos),
      lastDay: decimal(burn.lastDayNanos),
      perDay: decimal(burn.perDayNanos),
      daysKnown: burn.daysKnown,
      forecast: decimal(burn.forecast?.nanos),
      forecastLow: decimal(burn.forecast?.lowNanos),
      forecastHigh: decimal(burn.forecast?.highNanos),
      limitReachedAt:
        burn.forecast?.exhaustedAtMs === undefined
          ? undefined
          : formatInstant(burn.forecast.exhaustedAtMs),
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function decimal(nanos: bigint | undefined): string | undefined {
  return nanos === undefined ? undefined : formatDecimal(nanos, 9);
}
