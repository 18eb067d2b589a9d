import type { Command } from "commander";
import { compared, holdings, periodBefore } from "../bill/compare.ts";
import { parseGroups } from "../bill/make-report.ts";
import type { PriceList } from "../bill/price-types.ts";
import { buildReport } from "../bill/report.ts";
import { GROUP_KEYS, type GroupKey, type Report } from "../bill/report-types.ts";
import { parseReportWindow } from "../bill/report-window.ts";
import { loadConfig } from "../config/load.ts";
import { loadPrices } from "../daemon/prices.ts";
import type { LedgerReader } from "../ledger/contract.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { Window } from "../model/window.ts";
import { stateDirOf, withLedger } from "./acts/common.ts";
import {
  comparisonJson,
  comparisonText,
  holdingsJson,
  holdingsText,
} from "./report/compare-text.ts";
import type { CommandIo } from "./io.ts";
import { withWindowOptions } from "./window-options.ts";

const ABOUT = `Compare two periods, or what owners hold with what they use.

Differences are exact, and the lines' sum to the total's. The period before whole
calendar months is as many months; otherwise it is as long.

  assay compare --from 2026-03-01 --to 2026-04-01 --with previous --group-by owner
  assay compare --from -7d --to now --requested`;

const FORMATS = ["table", "json"] as const;

interface CompareOptions {
  from?: string;
  to?: string;
  with?: string;
  withFrom?: string;
  withTo?: string;
  requested?: boolean;
  groupBy: string;
  format: string;
  prices?: string;
  config?: string;
  stateDir?: string;
}

export function addCompareCommand(program: Command, io: CommandIo): void {
  program
    .command("compare")
    .summary("Two periods side by side, or who holds GPUs idle")
    .description(ABOUT)
    .option("--from <time>", "ISO 8601 (UTC), or an age such as -24h")
    .option("--to <time>", "the same, or now")
    .option("--with <period>", "previous: the period just before")
    .option("--with-from <time>", "the other period's beginning")
    .option("--with-to <time>", "the other period's end")
    .option("--requested", "what each owner held of GPUs against what they used of it")
    .option("--group-by <keys>", `one or more of ${GROUP_KEYS.join(", ")}`, "owner")
    .option("--format <format>", FORMATS.join(", "), "table")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: CompareOptions) => compare(options, io));
}

async function compare(options: CompareOptions, io: CommandIo): Promise<void> {
  const priceFile = options.prices ?? loadConfig(options.config).prices.file;
  const prices = priceFile === undefined ? undefined : loadPrices(priceFile);
  const asJson = formatOf(options.format) === "json";
  checkOptions(options);
  await withLedger(stateDirOf(options.stateDir, io), async (ledger) => {
    const nowMs = io.nowMs();
    const extent = await ledger.extent();
    const window = await withWindowOptions(() =>
      parseReportWindow(options.from, options.to, nowMs, extent),
    );
    const report = reporter(ledger, prices, nowMs);
    if (options.requested) {
      const made = await report(window, ["owner"]);
      const found = holdings(made);
      io.stdout(asJson ? holdingsJson(found, made) : holdingsText(found, made));
      return;
    }
    const groupBy = groupsOf(options.groupBy);
    const { withFrom, withTo } = options;
    const other =
      options.with === undefined
        ? await withWindowOptions(() => parseReportWindow(withFrom, withTo, nowMs, extent), {
            from: "--with-from",
            to: "--with-to",
          })
        : periodBefore(window);
    const comparison = compared(await report(window, groupBy), await report(other, groupBy));
    io.stdout(asJson ? comparisonJson(comparison) : comparisonText(comparison));
  });
}

function reporter(ledger: LedgerReader, prices: PriceList | undefined, nowMs: number) {
  return async (window: Window, groupBy: readonly GroupKey[]): Promise<Report> =>
    buildReport({ ledger, prices, window, groupBy, nowMs });
}

/** @throws AssayError cli/usage */
function checkOptions(options: CompareOptions): void {
  const { with: period, withFrom, withTo, requested } = options;
  const isOther = withFrom !== undefined || withTo !== undefined;
  if (period !== undefined && period !== "previous")
    throw usage(
      `"${sanitize(period, 40)}" is no period`,
      "--with",
      "--with previous, or --with-from and --with-to",
    );
  if (requested && (period !== undefined || isOther))
    throw usage(
      "what is held is compared with what is used",
      "--requested",
      "leave out the other period",
    );
  if (period !== undefined && isOther)
    throw usage(
      "the other period is named twice",
      "--with",
      "either --with, or --with-from and --with-to",
    );
  if (requested || period !== undefined || (withFrom !== undefined && withTo !== undefined)) return;
  throw usage(
    "it is not said what to compare with",
    "--with",
    "--with previous, --with-from and --with-to, or --requested",
  );
}

function groupsOf(text: string): GroupKey[] {
  const keys = parseGroups(text);
  if (keys) return keys;
  throw new AssayError("report/group", `cannot group by "${sanitize(text, 60)}"`, {
    place: "--group-by",
    hint: `one or more of ${GROUP_KEYS.join(", ")}, separated by commas`,
  });
}

function formatOf(text: string): (typeof FORMATS)[number] {
  const format = FORMATS.find((known) => known === text);
  if (format) return format;
  throw usage(
    `there is no format "${sanitize(text, 60)}"`,
    "--format",
    `one of ${FORMATS.join(", ")}`,
  );
}

function usage(message: string, place: string, hint: string): AssayError {
  return new AssayError("cli/usage", message, { place, hint });
}
