import { existsSync } from "node:fs";
import type { Command } from "commander";
import { parseInstant } from "../bill/instant.ts";
import { loadConfig } from "../config/load.ts";
import { defaultStateDir } from "../config/paths.ts";
import { pruneAll, pruneRequest } from "../daemon/retention.ts";
import { openLedger } from "../ledger/client.ts";
import type { PruneRequest, PruneStep } from "../ledger/contract.ts";
import { ledgerPlace } from "../ledger/place.ts";
import { parseDuration } from "../model/duration.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Remove old detail from the ledger of a daemon that does not run.

The daemon does so by itself every hour (ledger.keep of the configuration). Sums
of whole hours stay, so that reports come to the same, and what is left can
still be verified.

  assay prune --dry-run
  assay prune --before 2026-01-01`;

const HOUR_MS = 3_600_000;

interface PruneOptions {
  config?: string;
  stateDir?: string;
  before?: string;
  dryRun?: boolean;
}

export function addPruneCommand(program: Command, io: CommandIo): void {
  program
    .command("prune")
    .summary("Remove old detail from the ledger, and keep its sums")
    .description(ABOUT)
    .option("--before <time>", "ISO 8601 (UTC), or an age such as 90d; ledger.keep by default")
    .option("--dry-run", "say what would go, and remove nothing")
    .option("-c, --config <file>", "configuration")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: PruneOptions) => prune(options, io));
}

async function prune(options: PruneOptions, io: CommandIo): Promise<void> {
  const request = requestOf(options, io.nowMs());
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  if (!existsSync(ledgerPlace(stateDir).database))
    throw new AssayError("ledger/missing", "there is no ledger here", {
      place: stateDir,
      hint: "name the daemon's state directory with --state-dir",
    });
  const ledger = await openLedger({ stateDir, mode: options.dryRun ? "read" : "write" });
  try {
    const done = options.dryRun
      ? await ledger.prunePlan(request)
      : await pruneAll(ledger, request, io.signal);
    io.stdout(said(done, options.dryRun ? "would go" : "removed"));
  } finally {
    await ledger.close();
  }
}

function requestOf(options: PruneOptions, nowMs: number): PruneRequest {
  const request = pruneRequest(loadConfig(options.config), nowMs);
  if (options.before === undefined) return request;
  const detailBeforeMs = timeOf(options.before, nowMs);
  if (detailBeforeMs > nowMs - HOUR_MS)
    throw new AssayError("cli/usage", "the newest hour is not old detail", {
      place: "--before",
      hint: "name a time that is at least an hour ago",
    });
  return { ...request, detailBeforeMs };
}

function timeOf(text: string, nowMs: number): number {
  const age = parseDuration(text.trim().replace(/^-/, ""));
  const atMs = age === undefined ? parseInstant(text.trim()) : nowMs - age;
  if (atMs !== undefined) return atMs;
  throw new AssayError("cli/usage", `"${sanitize(text, 40)}" is no time`, {
    place: "--before",
    hint: "an ISO 8601 date or time, or an age such as 90d",
  });
}

function said(
  { beforeMs, removed }: Pick<PruneStep, "removed" | "beforeMs">,
  verb: string,
): string {
  const rows = Object.entries(removed).filter(([, count]) => count > 0);
  if (rows.length === 0) return "nothing is old enough to go\n";
  const before =
    beforeMs === undefined ? "" : `detail before ${new Date(beforeMs).toISOString()}: `;
  return `${before}${rows.map(([table, count]) => `${count} ${table}`).join(", ")} ${verb}\n`;
}
