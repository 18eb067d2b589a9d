import type { Command } from "commander";
import { makeReport, parseGroups, REPORT_FORMATS, type ReportFormat } from "../bill/make-report.ts";
import { GROUP_KEYS, type GroupKey } from "../bill/report-types.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { loadPrices } from "../daemon/prices.ts";
import { openLedger } from "../ledger/client.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Say who had the GPU time of a window, what it was, and what it cost.

Every GPU-millisecond of the window is in exactly one line; time nobody measured
is a line of its own. Costs need a price list (docs/billing.md). May run beside
the daemon.

  assay report --from -24h --group-by owner
  assay report --from 2026-03-01 --to 2026-04-01 --format csv`;

interface ReportOptions {
  config?: string;
  stateDir?: string;
  prices?: string;
  currency?: string;
  from?: string;
  to?: string;
  groupBy: string;
  format: string;
}

export function addReportCommand(program: Command, io: CommandIo): void {
  program
    .command("report")
    .summary("Who had the GPU time of a window, what it was and what it cost")
    .description(ABOUT)
    .option(
      "--from <time>",
      "ISO 8601 (UTC), or an age such as -24h; the ledger's beginning by default",
    )
    .option("--to <time>", "the same, or now; the ledger's end by default")
    .option("--group-by <keys>", `one or more of ${GROUP_KEYS.join(", ")}`, "owner,label")
    .option("--format <format>", REPORT_FORMATS.join(", "), "table")
    .option("--currency <code>", "convert the price list's prices (ISO 4217, such as EUR)")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: ReportOptions) => report(options, io));
}

async function report(options: ReportOptions, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const priceFile = options.prices ?? config.prices.file;
  const prices = priceFile === undefined ? undefined : loadPrices(priceFile);
  const { from, to, currency } = options;
  const request = {
    from,
    to,
    currency,
    groupBy: groupsOf(options.groupBy),
    format: formatOf(options.format),
  };
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const ledger = await openLedger({ stateDir, mode: "read" });
  try {
    io.stdout(await makeReport(request, ledger, prices, io.nowMs()));
  } finally {
    await ledger.close();
  }
}

function groupsOf(text: string): GroupKey[] {
  const keys = parseGroups(text);
  if (keys) return keys;
  throw new AssayError("report/group", `cannot group by "${sanitize(text, 60)}"`, {
    place: "--group-by",
    hint: `one or more of ${GROUP_KEYS.join(", ")}, separated by commas`,
  });
}

function formatOf(text: string): ReportFormat {
  const format = REPORT_FORMATS.find((known) => known === text);
  if (format) return format;
  throw new AssayError("cli/usage", `there is no format "${sanitize(text, 60)}"`, {
    place: "--format",
    hint: `one of ${REPORT_FORMATS.join(", ")}`,
  });
}
