import type { Command } from "commander";
import { defaultStateDir } from "../config/paths.ts";
import { backupLedger, type BackupProgress } from "../ledger/keep/backup.ts";
import type { CommandIo } from "./io.ts";

const ABOUT = `Copy the ledger to FILE, also while the daemon writes it.

FILE is there only when it is whole and checked. It holds everything of the
ledger but the node's key (docs/ledger.md, also: how to restore it).

  assay backup /backup/ledger-2026-03-01.sqlite`;

interface BackupOptions {
  stateDir?: string;
  force?: boolean;
}

export function addBackupCommand(program: Command, io: CommandIo): void {
  program
    .command("backup")
    .summary("Copy the ledger, also while the daemon runs")
    .description(ABOUT)
    .argument("<file>", "where the copy goes")
    .option("--state-dir <dir>", "where the ledger is")
    .option("--force", "replace a file that is there")
    .action(async (file: string, options: BackupOptions) => backup(file, options, io));
}

async function backup(file: string, options: BackupOptions, io: CommandIo): Promise<void> {
  const stateDir = options.stateDir ?? defaultStateDir(io.env, process.getuid?.() === 0);
  const { bytes } = await backupLedger({
    stateDir,
    file,
    force: options.force ?? false,
    signal: io.signal,
    onProgress: progressTo(io),
  });
  io.stdout(`${file}: ${bytes} bytes, checked\n`);
}

const TELL_EVERY_MS = 2000;

/** A line every two seconds; nothing about a copy that takes no longer. */
function progressTo({ stderr, nowMs }: CommandIo): (progress: BackupProgress) => void {
  let toldAtMs = nowMs();
  return ({ copiedPages, totalPages }) => {
    if (nowMs() - toldAtMs < TELL_EVERY_MS) return;
    toldAtMs = nowMs();
    stderr(`copied ${Math.floor((100 * copiedPages) / Math.max(totalPages, 1))} %\n`);
  };
}
