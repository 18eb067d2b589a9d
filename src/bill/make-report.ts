import type { LedgerReader } from "../ledger/contract.ts";
import { inCurrency } from "./price-currency.ts";
import type { PriceList } from "./price-types.ts";
import { renderReportCsv } from "./render-csv.ts";
import { renderReportJson } from "./render-json.ts";
import { renderReportTable } from "./render-table.ts";
import { buildReport } from "./report.ts";
import { GROUP_KEYS, type GroupKey } from "./report-types.ts";
import { parseReportWindow } from "./report-window.ts";

const RENDERERS = {
  table: renderReportTable,
  json: renderReportJson,
  csv: renderReportCsv,
} as const;

export type ReportFormat = keyof typeof RENDERERS;

export const REPORT_FORMATS = ["table", "json", "csv"] as const satisfies readonly ReportFormat[];
export const DEFAULT_GROUPS = ["owner", "label"] as const satisfies readonly GroupKey[];

export interface ReportArguments {
  /** As {@link parseReportWindow} takes them. */
  from?: string | undefined;
  to?: string | undefined;
  groupBy: readonly GroupKey[];
  format: ReportFormat;
  /** ISO 4217: what the list's prices are converted to; its own currency where absent. */
  currency?: string | undefined;
}

/**
 * One report as text: the same for the command line and the HTTP API.
 * @throws AssayError price/currency, and as {@link parseReportWindow} and {@link buildReport}
 */
export async function makeReport(
  { from, to, groupBy, format, currency }: ReportArguments,
  ledger: LedgerReader,
  prices: PriceList | undefined,
  nowMs: number,
): Promise<string> {
  const window = parseReportWindow(from, to, nowMs, await ledger.extent());
  const list = prices && currency !== undefined ? inCurrency(prices, currency) : prices;
  return RENDERERS[format](await buildReport({ ledger, prices: list, window, groupBy, nowMs }));
}

/** `owner,label` → group keys, each once; undefined where a name is none. */
export function parseGroups(text: string): GroupKey[] | undefined {
  const keys = new Set<GroupKey>();
  for (const name of text.split(",")) {
    const key = GROUP_KEYS.find((known) => known === name.trim());
    if (!key) return undefined;
    keys.add(key);
  }
  return [...keys];
}
