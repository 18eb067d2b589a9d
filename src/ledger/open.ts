import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { AssayError, type ErrorCode } from "../model/errors.ts";
import { migrate, SCHEMA_VERSION, schemaVersionOf } from "./schema.ts";

export const LEDGER_FILE = "ledger.sqlite";
const LOCK_FILE = "ledger.lock";
/** A reader that holds the file for longer than this is itself at fault. */
const BUSY_TIMEOUT_MS = 5000;

export interface WritableLedger {
  db: Database.Database;
  /** Frees ledger and lock. Safe twice. */
  close: () => void;
}

/**
 * Opens (or creates) the ledger of a state directory for the one process that writes it.
 * `synchronous=FULL` in WAL mode flushes the log to the disk before a commit returns, so what was
 * acknowledged survives a power loss as far as the disk keeps its word.
 * @throws AssayError ledger/*
 */
export function openForWriting(stateDir: string, maxBytes: number | undefined): WritableLedger {
  const file = join(stateDir, LEDGER_FILE);
  return naming(file, () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const lock = takeLock(join(stateDir, LOCK_FILE));
    try {
      const db = openFile(file, maxBytes);
      return { db, close: () => (db.close(), lock.close()) };
    } catch (error) {
      lock.close();
      throw error;
    }
  });
}

/** Opens an existing ledger beside its writer. @throws AssayError ledger/* */
export function openForReading(stateDir: string): Database.Database {
  const file = join(stateDir, LEDGER_FILE);
  if (!existsSync(file))
    throw new AssayError("ledger/missing", "there is no ledger here", {
      place: file,
      hint: "run the daemon first (`assay run`), or name its directory with --state-dir",
    });
  return naming(file, () => {
    const db = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      refuseOtherVersions(db, file);
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  });
}

function openFile(file: string, maxBytes: number | undefined): Database.Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Looked at before anything is changed: a newer ledger must stay as it is.
    refuseNewer(db, file);
    chmodSync(file, 0o600);
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    if (maxBytes !== undefined) {
      const pageSize = Number(db.pragma("page_size", { simple: true }));
      db.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
    }
    migrate(db);
    probeWrite(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A full or read-only disk is found now, at start, and not with the first slice. */
function probeWrite(db: Database.Database): void {
  db.exec("CREATE TABLE IF NOT EXISTS write_probe (filler BLOB) STRICT");
  db.exec("INSERT INTO write_probe VALUES (zeroblob(16384)); DELETE FROM write_probe;");
}

function refuseNewer(db: Database.Database, file: string): void {
  const version = schemaVersionOf(db);
  if (version > SCHEMA_VERSION)
    throw new AssayError(
      "ledger/newer",
      `the ledger has schema ${version}, this program knows up to ${SCHEMA_VERSION}`,
      { place: file, hint: "run the newer gpu-assay that wrote it; nothing was changed" },
    );
}

function refuseOtherVersions(db: Database.Database, file: string): void {
  refuseNewer(db, file);
  if (schemaVersionOf(db) < SCHEMA_VERSION)
    throw new AssayError("ledger/corrupt", "the ledger was written by an older version", {
      place: file,
      hint: "start the daemon once (`assay run`): it brings the ledger up to date",
    });
}

/** A lock of the operating system's, so that even `kill -9` frees it. */
function takeLock(file: string): Database.Database {
  const lock = new Database(file, { timeout: 0 });
  try {
    lock.pragma("locking_mode = EXCLUSIVE");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

const CODES: readonly [RegExp, ErrorCode, string][] = [
  [/^SQLITE_FULL|^ENOSPC|^EDQUOT/, "ledger/full", "free some space, or raise ledger.maxSize"],
  [
    /^SQLITE_READONLY|^SQLITE_CANTOPEN|^EACCES|^EPERM|^EROFS|^ENOTDIR|^EEXIST/,
    "ledger/read-only",
    "give a directory that can be written with --state-dir",
  ],
  [
    /^SQLITE_NOTADB|^SQLITE_CORRUPT/,
    "ledger/corrupt",
    "restore a backup, or move the file away to begin a new ledger",
  ],
  [
    /^SQLITE_BUSY|^SQLITE_LOCKED/,
    "ledger/busy",
    "stop the other daemon, or give another --state-dir",
  ],
  [/^SQLITE_IOERR/, "ledger/full", "the disk refuses to write: look at its health and free space"],
];

/** SQLite's and the file system's own errors as ours, with the file they are about. */
export function asLedgerError(error: unknown, place: string): unknown {
  if (error instanceof AssayError || !(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  const known = CODES.find(([pattern]) => pattern.test(code));
  if (!known) return error;
  return new AssayError(known[1], `${error.message} (${code})`, {
    place,
    hint: known[2],
    cause: error,
  });
}

function naming<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asLedgerError(error, place);
  }
}
