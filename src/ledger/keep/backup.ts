import Database from "better-sqlite3";
import { sizeOf } from "../place.ts";
import { openForReading } from "../store.ts";
import { asBackupError, backupFailed, BackupTarget } from "./target.ts";

export interface BackupRequest {
  stateDir: string;
  /** Where the backup goes. */
  file: string;
  /** Replaces a file that is there. */
  force: boolean;
  signal: AbortSignal;
  onProgress?: ((progress: BackupProgress) => void) | undefined;
}

export interface BackupProgress {
  copiedPages: number;
  totalPages: number;
}

export interface BackupResult {
  bytes: number;
}

/** 4 MiB at a time: between two of them somebody may ask to stop. */
const PAGES_A_STEP = 1024;
const BUSY_TIMEOUT_MS = 5000;

/**
 * Copies the ledger as it is at this moment, also beside the daemon that writes it, and without
 * holding that up. `file` is there only when it is whole, on the disk and checked.
 * @throws AssayError backup/failed, ledger/*; then `file` is as it was
 */
export async function backupLedger(request: BackupRequest): Promise<BackupResult> {
  const { stateDir, file, force } = request;
  const options = { stateDir, busyTimeoutMs: BUSY_TIMEOUT_MS, checkUpToBytes: 0, olderToo: true };
  const store = openForReading(options);
  try {
    const target = new BackupTarget(file, store.place.stateDir, force);
    try {
      target.open();
      await copy(store.db, target.partial, request);
      checkCopy(target.partial);
      target.finish();
      return { bytes: sizeOf(file) ?? 0 };
    } finally {
      target.discard();
    }
  } catch (error) {
    throw asBackupError(error, file);
  } finally {
    store.close();
  }
}

/**
 * Inside a read transaction: the copy is of one moment, and no commit of the daemon makes it begin
 * again, as it does where the source changes between two steps.
 */
async function copy(
  db: Database.Database,
  path: string,
  { signal, onProgress, file }: BackupRequest,
): Promise<void> {
  db.exec("BEGIN");
  try {
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    await db.backup(path, {
      progress: ({ totalPages, remainingPages }) => {
        if (signal.aborted) throw backupFailed("it was asked to stop", file, "nothing was left");
        onProgress?.({ copiedPages: totalPages - remainingPages, totalPages });
        return PAGES_A_STEP;
      },
    });
  } finally {
    db.exec("ROLLBACK");
  }
}

/** One file without a log, checked whole: what is copied away is all there is. */
function checkCopy(path: string): void {
  const db = new Database(path);
  try {
    db.pragma("journal_mode = DELETE");
    const found = String(db.pragma("quick_check(1)", { simple: true }));
    if (found !== "ok")
      throw backupFailed(`the copy is damaged: ${found}`, path, "check the ledger and the disk");
  } finally {
    db.close();
  }
}
