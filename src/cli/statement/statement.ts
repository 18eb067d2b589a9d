import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { parseReportWindow } from "../../bill/report-window.ts";
import { buildStatement } from "../../bill/statement/statement.ts";
import { loadConfig } from "../../config/load.ts";
import { loadPrices } from "../../daemon/prices.ts";
import { ownerKeyFilter } from "../../ledger/row.ts";
import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";
import { knownOwnerKey, stateDirOf, withLedger } from "../acts/common.ts";
import type { CommandIo } from "../io.ts";
import { renderStatement, STATEMENT_FORMATS, type StatementFormat } from "./render.ts";
import { withWindowOptions } from "../window-options.ts";

const ABOUT = `What one owner can be given: their own lines with the evidence, and nothing of others.

The amounts are those of the full report by owner and label, to the last unit.
Sentences that name somebody else are left out and counted.

  assay statement --owner user:alice --from 2026-03-01 --to 2026-04-01 \\
    --format markdown --out alice.md`;

interface StatementOptions {
  owner: string;
  from?: string;
  to?: string;
  format: string;
  out?: string;
  prices?: string;
  config?: string;
  stateDir?: string;
}

export function addStatementCommand(program: Command, io: CommandIo): void {
  program
    .command("statement")
    .summary("One owner's own lines, with the evidence")
    .description(ABOUT)
    .requiredOption("--owner <key>", "whose, such as user:alice")
    .option("--from <time>", "ISO 8601 (UTC), or an age such as -24h")
    .option("--to <time>", "the same, or now")
    .option("--format <format>", STATEMENT_FORMATS.join(", "), "table")
    .option("--out <file>", "write it to a new file of mode 0600")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: StatementOptions) => statement(options, io));
}

async function statement(options: StatementOptions, io: CommandIo): Promise<void> {
  const format = formatOf(options.format);
  const ownerKey = ownerKeyFilter(knownOwnerKey(options.owner));
  const priceFile = options.prices ?? loadConfig(options.config).prices.file;
  const prices = priceFile === undefined ? undefined : loadPrices(priceFile);
  const text = await withLedger(stateDirOf(options.stateDir, io), async (ledger) => {
    const nowMs = io.nowMs();
    const window = await withWindowOptions(async () =>
      parseReportWindow(options.from, options.to, nowMs, await ledger.extent()),
    );
    return renderStatement(
      await buildStatement({ ledger, prices, window, ownerKey, nowMs }),
      format,
    );
  });
  if (options.out === undefined) io.stdout(text);
  else write(options.out, text);
}

function formatOf(text: string): StatementFormat {
  const format = STATEMENT_FORMATS.find((known) => known === text);
  if (format) return format;
  throw new AssayError("cli/usage", `there is no format "${sanitize(text, 60)}"`, {
    place: "--format",
    hint: `one of ${STATEMENT_FORMATS.join(", ")}`,
  });
}

/** @throws AssayError report/cannot-write; nothing that is there is overwritten */
function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("report/cannot-write", sanitize(reason, 300), {
      place: path,
      hint: "name a new file in a directory that can be written",
      cause,
    });
  }
}
