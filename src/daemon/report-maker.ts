import { readFileSync } from "node:fs";
import { parsePriceList, type PriceList } from "../bill/price-list.ts";
import { renderReportCsv } from "../bill/render-csv.ts";
import { renderReportJson } from "../bill/render-json.ts";
import { renderReportTable } from "../bill/render-table.ts";
import { buildReport } from "../bill/report.ts";
import { parseReportWindow } from "../bill/report-window.ts";
import { GROUP_KEYS, type GroupKey } from "../bill/report-types.ts";
import type { LedgerReader } from "../ledger/contract.ts";
import { AssayError } from "../model/errors.ts";

export interface ReportRequest {
  from?: string | undefined;
  to?: string | undefined;
  groupBy?: string | undefined;
  format: "json" | "csv" | "table";
}

const RENDERERS = {
  json: renderReportJson,
  csv: renderReportCsv,
  table: renderReportTable,
} as const;
const DEFAULT_GROUPS: readonly GroupKey[] = ["owner", "label"];

/** Builds and renders one report: the same for the command line and the HTTP API. */
export async function makeReport(
  request: ReportRequest,
  ledger: LedgerReader,
  prices: PriceList | undefined,
  nowMs: number,
): Promise<string> {
  const window = parseReportWindow(request.from, request.to, nowMs, await ledger.extent());
  const groupBy = parseGroups(request.groupBy);
  const report = await buildReport({ ledger, prices, window, groupBy, nowMs });
  return RENDERERS[request.format](report);
}

/** `owner,label` → group keys. @throws AssayError report/group */
function parseGroups(text: string | undefined): readonly GroupKey[] {
  if (text === undefined) return DEFAULT_GROUPS;
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const keys = names.map((name) => GROUP_KEYS.find((key) => key === name));
  const unknown = names[keys.indexOf(undefined)];
  if (unknown !== undefined || names.length === 0 || new Set(names).size < names.length)
    throw new AssayError("report/group", `cannot group by ${unknown ?? `"${text}"`}`, {
      place: "--group-by",
      hint: `name one or more of ${GROUP_KEYS.join(", ")}, each once, separated by commas`,
    });
  return keys.filter((key) => key !== undefined);
}

/** Reads a price list. @throws AssayError price/* */
export function loadPrices(path: string): PriceList {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AssayError("price/invalid", "the price list cannot be read", {
      place: path,
      hint: "docs/billing.md explains the format",
      cause,
    });
  }
  return parsePriceList(text, path);
}
