import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import type { Command } from "commander";
import { parseInstant } from "../bill/instant.ts";
import { defaultStateDir } from "../config/paths.ts";
import { submitActs } from "../daemon/submit.ts";
import type { Act, ErasureSelect } from "../ledger/acts.ts";
import { openLedger } from "../ledger/client.ts";
import { BatchRejected } from "../ledger/rejected.ts";
import { parseDuration } from "../model/duration.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Take what names somebody out of the ledger, for good.

Sums, lines of the bill and the chain stay as they are: the owner's key becomes
KIND:erased-NUMBER, and the erasure itself is a record (docs/privacy.md). There
is no way back. May run beside the daemon.

  assay erase --owner user:alice --dry-run
  assay erase --owner user:alice --reason "left in May, letter 17"
  assay erase --commands --before 2026-01-01
  assay erase --contexts --before -30d`;

interface EraseOptions {
  owner?: string;
  commands?: boolean;
  contexts?: boolean;
  before?: string;
  reason: string;
  dryRun?: boolean;
  stateDir?: string;
}

/** Acts of one run: each takes a few thousand rows. */
const MAX_ACTS = 10_000;

export function addEraseCommand(program: Command, io: CommandIo): void {
  program
    .command("erase")
    .summary("Take names, command lines or run contexts out of the ledger")
    .description(ABOUT)
    .option("--owner <key>", "an owner, such as user:alice: everywhere")
    .option("--commands", "command lines, titles, paths, arguments of runs, declared facts")
    .option("--contexts", "all that runs and agents said they did")
    .option("--before <time>", "only in records older than this: ISO 8601 (UTC), or an age as -90d")
    .option("--reason <text>", "why, for the record", "")
    .option("--dry-run", "only say how many rows it would change")
    .option("--state-dir <dir>", "where the ledger is")
    .action(async (options: EraseOptions) => erase(options, io));
}

async function erase(options: EraseOptions, io: CommandIo): Promise<void> {
  const select = selectOf(options, io.nowMs());
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const found = await countRows(stateDir, select);
  const rows = found.reduce((sum, each) => sum + each.rows, 0);
  if (rows === 0) throw nothing(options);
  const list = found.map(({ table, rows: count }) => `${count} of ${table}`).join(", ");
  if (options.dryRun) {
    const more = select.of === "owner" ? "" : ", and perhaps more after them";
    return io.stdout(`would change ${rows} rows: ${list}${more}\n`);
  }
  const acts = await eraseAll(stateDir, select, options.reason, io);
  io.stdout(`erased; on record as ${acts.join(", ")}\n`);
}

/** What age takes is erased a piece at a time, so that the daemon's writes go in between. */
async function eraseAll(
  stateDir: string,
  select: ErasureSelect,
  reason: string,
  io: CommandIo,
): Promise<string[]> {
  const ids: string[] = [];
  do {
    const id = `erasure-${randomUUID()}`;
    const head = { id, atMs: io.nowMs(), by: userName(), reason };
    const act: Act = { kind: "erasure", ...head, select, erased: [] };
    await submitActs(stateDir, [act], sleep);
    ids.push(id);
  } while (
    select.of !== "owner" &&
    ids.length < MAX_ACTS &&
    !io.signal.aborted &&
    (await countRows(stateDir, select)).length > 0
  );
  return ids;
}

async function countRows(
  stateDir: string,
  select: ErasureSelect,
): Promise<readonly { table: string; rows: number }[]> {
  const ledger = await openLedger({ stateDir, mode: "read" });
  try {
    return await ledger.erasable(select);
  } catch (error) {
    if (!(error instanceof BatchRejected)) throw error;
    throw new AssayError("act/invalid", error.message, {
      place: "--owner",
      hint: "name an owner as assay report --group-by owner shows it, such as user:alice",
    });
  } finally {
    await ledger.close();
  }
}

function selectOf(options: EraseOptions, nowMs: number): ErasureSelect {
  const { owner, commands = false, contexts = false, before } = options;
  const asked = [owner !== undefined, commands, contexts].filter(Boolean).length;
  if (asked !== 1) throw usage("say what to erase: --owner, --commands or --contexts, one of them");
  const beforeMs = before === undefined ? undefined : timeOf(before, nowMs);
  if (owner !== undefined)
    return { of: "owner", ownerKey: owner, ...(beforeMs !== undefined && { beforeMs }) };
  if (beforeMs === undefined) throw usage("--commands and --contexts need --before");
  return { of: commands ? "commands" : "contexts", beforeMs };
}

function timeOf(text: string, nowMs: number): number {
  const ageMs = text.startsWith("-") ? parseDuration(text.slice(1)) : undefined;
  const atMs = ageMs === undefined ? parseInstant(text) : nowMs - ageMs;
  if (atMs !== undefined) return atMs;
  throw usage(`"${sanitize(text, 60)}" is no time: ISO 8601, or an age such as -90d`, "--before");
}

function usage(message: string, place = "--owner"): AssayError {
  return new AssayError("cli/usage", message, { place, hint: "assay erase --help" });
}

function nothing({ owner }: EraseOptions): AssayError {
  const what =
    owner === undefined
      ? "nothing in the ledger is as old as that"
      : "the ledger holds nothing of that owner";
  return new AssayError("act/invalid", `${what}: nothing was erased`, {
    place: owner === undefined ? "--before" : "--owner",
    hint: "assay report --group-by owner shows the owners there are",
  });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid:${process.getuid?.() ?? "?"}`;
  }
}

async function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
