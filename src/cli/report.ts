import type { Command } from "commander";
import { FOCUS_VERSIONS } from "../bill/focus/columns.ts";
import { REPORT_FORMATS } from "../bill/formats.ts";
import { DEFAULT_FOCUS, makeReport, parseGroups } from "../bill/make-report.ts";
import { GROUP_KEYS, type GroupKey } from "../bill/report-types.ts";
import { agentVersion } from "../config/data.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { loadPrices } from "../daemon/prices.ts";
import { openLedger } from "../ledger/client.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";
import { putOut } from "./output.ts";
import { type RecordOptions, reportOnRecord, withRecord } from "./report/record.ts";
import { withWindowOptions } from "./window-options.ts";

const ABOUT = `Say who had the GPU time of a window, what it was, and what it cost.

Every GPU-millisecond of the window is in exactly one line; time nobody measured
is a line of its own. Costs need a price list (docs/billing.md). May run beside
the daemon. docs/reports.md shows every format.

  assay report --from -24h --group-by owner
  assay report --from -7d --html week.html
  assay report --month 2026-03 --format focus-parquet --out march.parquet
  assay report --day 2026-03-29 --time-zone Europe/Berlin --format csv
  assay report --month 2026-03 --issue
  assay report --again R-3F7K2M9Q --format csv`;

interface ReportOptions extends RecordOptions {
  config?: string;
  stateDir?: string;
  prices?: string;
  currency?: string;
  from?: string;
  to?: string;
  month?: string;
  day?: string;
  timeZone?: string;
  groupBy: string;
  format: string;
  focusVersion: string;
  html?: string;
  out?: string;
  force?: boolean;
}

export function addReportCommand(program: Command, io: CommandIo): void {
  withRecord(program.command("report"))
    .summary("Who had the GPU time of a window, what it was and what it cost")
    .description(ABOUT)
    .option(
      "--from <time>",
      "ISO 8601 (UTC), or an age such as -24h; the ledger's beginning by default",
    )
    .option("--to <time>", "the same, or now; the ledger's end by default")
    .option("--month <month>", "a whole month instead of both, such as 2026-02")
    .option("--day <day>", "a whole day instead of both, such as 2026-02-28")
    .option("--time-zone <zone>", "of dates and times that name none, such as Europe/Berlin", "UTC")
    .option("--group-by <keys>", `one or more of ${GROUP_KEYS.join(", ")}`, "owner,label")
    .option("--format <format>", REPORT_FORMATS.join(", "), "table")
    .option("--focus-version <version>", FOCUS_VERSIONS.join(", "), DEFAULT_FOCUS)
    .option("--html <file>", "one page to look at and to print: --format html --out, in one")
    .option("--out <file>", "where to, whole or not at all; - is standard output")
    .option("--force", "replace the file of --out or --html where there is one")
    .option("--currency <code>", "convert the price list's prices (ISO 4217, such as EUR)")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: ReportOptions) => report(options, io));
}

async function report(options: ReportOptions, io: CommandIo): Promise<void> {
  refuseTwoFiles(options);
  const config = loadConfig(options.config);
  const priceFile = options.prices ?? config.prices.file;
  const prices = priceFile === undefined ? undefined : loadPrices(priceFile);
  const { from, to, month, day, timeZone, currency, html, force } = options;
  const out = html ?? options.out;
  const request = {
    from,
    to,
    month,
    day,
    timeZone,
    currency,
    groupBy: groupsOf(options.groupBy),
    format: html === undefined ? oneOf(REPORT_FORMATS, options.format, "--format") : "html",
    focusVersion: oneOf(FOCUS_VERSIONS, options.focusVersion, "--focus-version"),
    names: config.billing,
    madeBy: `gpu-assay ${agentVersion()}`,
  };
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const ledger = await openLedger({ stateDir, mode: "read" });
  try {
    const place = { ledger, stateDir, given: options.prices === undefined ? undefined : prices };
    const result = await withWindowOptions(
      async () =>
        (await reportOnRecord({ ...request, ...place, prices }, options, io)) ??
        makeReport(request, ledger, prices, io.nowMs()),
    );
    putOut(result, { out, force }, io);
  } finally {
    await ledger.close();
  }
}

/** @throws AssayError cli/usage where a page is asked for and another file too */
function refuseTwoFiles({ html, out, format }: ReportOptions): void {
  if (html === undefined || (out === undefined && (format === "table" || format === "html")))
    return;
  throw new AssayError("cli/usage", "a page and another format cannot be made at once", {
    place: "--html",
    hint: "leave out --out and --format, or run the command twice",
  });
}

function groupsOf(text: string): GroupKey[] {
  const keys = parseGroups(text);
  if (keys) return keys;
  throw new AssayError("report/group", `cannot group by "${sanitize(text, 60)}"`, {
    place: "--group-by",
    hint: `one or more of ${GROUP_KEYS.join(", ")}, separated by commas`,
  });
}

/** @throws AssayError cli/usage */
function oneOf<T extends string>(known: readonly T[], text: string, place: string): T {
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  throw new AssayError("cli/usage", `there is no "${sanitize(text, 60)}" to choose`, {
    place,
    hint: `one of ${known.join(", ")}`,
  });
}
