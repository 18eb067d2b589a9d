import type { Command } from "commander";
import { budgetReport } from "../bill/budget-report.ts";
import { parseInstant } from "../bill/instant.ts";
import { renderBudgetJson, renderBudgetTable } from "../bill/render-budget.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { loadPrices } from "../daemon/prices.ts";
import { openLedger } from "../ledger/client.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Say what owners with a budget have spent of it, how fast, and where that leads.

Budgets are alert.budgets of the configuration: an owner, a limit, and a day or a
month (UTC). Spent is the owner's own time and energy, and the time of devices
that were idle while the owner held them; no share of anything else and no
overhead. A mean day is that of up to seven steps of 24 hours back from the moment
asked (now, or --at), not of calendar days. A forecast is an estimate (docs/billing.md). May run beside the daemon.

  assay budget -c assay.yaml
  assay budget -c assay.yaml --at 2026-03-31T12:00Z --json`;

interface BudgetOptions {
  config?: string;
  stateDir?: string;
  prices?: string;
  at?: string;
  json?: boolean;
}

export function addBudgetCommand(program: Command, io: CommandIo): void {
  program
    .command("budget")
    .summary("What of each budget is spent, how fast, and where that leads")
    .description(ABOUT)
    .option("--at <time>", "as if it were then: ISO 8601 (UTC); now by default")
    .option("--json", "as JSON")
    .option("--prices <file>", "price list; overrides prices.file of the configuration")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: BudgetOptions) => budget(options, io));
}

async function budget(options: BudgetOptions, io: CommandIo): Promise<void> {
  const config = loadConfig(options.config);
  const { budgets } = config.alert;
  if (budgets.length === 0)
    throw new AssayError("config/invalid", "The configuration has no budget.", {
      place: options.config ?? "the default configuration",
      hint: "add alert.budgets: - { owner: user:alice, limit: 250.00, period: month }",
    });
  const file = options.prices ?? config.prices.file;
  if (file === undefined)
    throw new AssayError("price/invalid", "Budgets need a price list.", {
      place: "--prices",
      hint: "name one with --prices, or as prices.file in the configuration",
    });
  const prices = loadPrices(file);
  const nowMs = timeOf(options.at) ?? io.nowMs();
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const ledger = await openLedger({ stateDir, mode: "read" });
  try {
    const report = await budgetReport(ledger, prices, budgets, nowMs);
    io.stdout(options.json ? renderBudgetJson(report) : renderBudgetTable(report));
  } finally {
    await ledger.close();
  }
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = parseInstant(text);
  if (atMs !== undefined) return atMs;
  throw new AssayError("report/window", `"${sanitize(text, 40)}" is no time.`, {
    place: "--at",
    hint: "give an ISO 8601 date or time (UTC where no zone is named)",
  });
}
