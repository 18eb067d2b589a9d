import type { LedgerReader } from "../ledger/contract.ts";
import type { FocusVersion } from "./focus/columns.ts";
import { formatSpec, type ReportFormat } from "./formats.ts";
import type { ConfiguredNames } from "./names.ts";
import { inCurrency } from "./price-currency.ts";
import type { PageMaker } from "./page/data.ts";
import type { PriceList } from "./price-types.ts";
import { withBooks } from "./report.ts";
import { GROUP_KEYS, type GroupKey } from "./report-types.ts";
import { type WindowArguments, reportWindow } from "./report-window.ts";

export const DEFAULT_GROUPS = ["owner", "label"] as const satisfies readonly GroupKey[];
export const DEFAULT_FOCUS: FocusVersion = "1.3";

export interface ReportArguments extends WindowArguments {
  groupBy: readonly GroupKey[];
  format: ReportFormat;
  /** ISO 4217: what the list's prices are converted to; its own currency where absent. */
  currency?: string | undefined;
  focusVersion?: FocusVersion | undefined;
  /** What the configuration says of who bills; the node's own name for the rest. */
  names?: ConfiguredNames | undefined;
  /** Program and version, for formats that say who made them. */
  madeBy?: string | undefined;
}

/**
 * One report, as text or as bytes: the same for the command line and the HTTP API.
 * @throws AssayError price/currency, and as {@link reportWindow} and {@link withBooks}; report/format for FOCUS without
 * prices
 */
export async function makeReport(
  args: ReportArguments,
  ledger: LedgerReader,
  prices: PriceList | undefined,
  nowMs: number,
): Promise<string | Uint8Array> {
  const { format, groupBy, currency, madeBy, ...rest } = args;
  const { focusVersion = DEFAULT_FOCUS, names = {}, ...window } = rest;
  const { cuts, render } = formatSpec(format);
  const request = {
    ledger,
    prices: prices && currency !== undefined ? inCurrency(prices, currency) : prices,
    window: reportWindow(window, nowMs, await ledger.extent()),
    nowMs,
    groupBy,
    cuts,
  };
  const maker = await makerOf(ledger, madeBy);
  return withBooks(request, (books) => render(books, { groupBy, focusVersion, names, maker }));
}

/** Who makes a report, and the head of the chain that it rests on, for formats that say so. */
export async function makerOf(
  ledger: Pick<LedgerReader, "chainHead">,
  madeBy: string = "gpu-assay",
): Promise<PageMaker> {
  const { sequence, hash } = await ledger.chainHead();
  return { madeBy, chainHead: sequence > 0 ? `${sequence}: ${hash}` : undefined };
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
