import Database from "better-sqlite3";
import { AssayError } from "../model/errors.ts";
import { type NodeKey, nodeKey } from "./chain/key.ts";
import { asLedgerError, ledgerError } from "./failure.ts";
import { acquireLock } from "./lock.ts";
import { MIGRATIONS, migrate, readHeader, refuseForeign } from "./migrate.ts";
import { type LedgerPlace, createPrivately, ledgerPlace, makeStateDir, sizeOf } from "./place.ts";

export interface StoreOptions {
  stateDir: string;
  /** Bound of the database file; its log may add {@link LOG_LIMIT_BYTES} and one batch. */
  maxBytes?: number | undefined;
  busyTimeoutMs: number;
  /** Ledgers up to this size are checked whole when they are opened; 0 for none. */
  checkUpToBytes: number;
  /** For reading: also a ledger of an older version, as it is. */
  olderToo?: boolean | undefined;
}

/** An open database, and how to let go of it. */
export interface Store {
  db: Database.Database;
  place: LedgerPlace;
  close(): void;
}

/** A store that can be written, and the key that signs what was. */
export interface WritingStore extends Store {
  key: NodeKey;
}

const LOG_LIMIT_BYTES = 16 * 1024 ** 2;

/**
 * Opens the ledger for the one process that writes it; makes or migrates it where needed.
 * @throws AssayError ledger/busy, newer, corrupt, read-only, full, key or io: nothing was changed
 */
export function openForWriting(options: StoreOptions): WritingStore {
  const place = ledgerPlace(options.stateDir);
  return mended(place.stateDir, () => {
    makeStateDir(place.stateDir);
    const lock = acquireLock(place);
    try {
      return mended(place.database, () => openLocked(place, options, () => lock.release()));
    } catch (error) {
      lock.release();
      throw error;
    }
  });
}

function openLocked(place: LedgerPlace, options: StoreOptions, release: () => void): WritingStore {
  if (sizeOf(place.database)) lookFirst(place);
  createPrivately(place.database, place.stateDir);
  const key = nodeKey(place);
  const db = new Database(place.database, { timeout: options.busyTimeoutMs });
  try {
    const mode = db.pragma("journal_mode = WAL", { simple: true });
    if (mode !== "wal") throw noLog(place);
    // FULL syncs the log at every commit: what was acknowledged outlives a loss of power as far as
    // the disk keeps what it said it synced. NORMAL would only outlive the death of the process.
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    db.pragma("recursive_triggers = ON");
    // What is erased is overwritten, not only let go of.
    db.pragma("secure_delete = ON");
    db.pragma(`journal_size_limit = ${LOG_LIMIT_BYTES}`);
    limitSize(db, options.maxBytes, place);
    migrate(db, place.database);
    checkWhole(db, place, options.checkUpToBytes);
    // A disk that cannot be written shows here, not at the first batch.
    db.exec("UPDATE meta SET value = value + 1 WHERE key = 'timesOpened'");
  } catch (error) {
    db.close();
    throw error;
  }
  const close = (): void => {
    db.close();
    release();
  };
  return { db, place, key, close };
}

/** Says what is wrong with a file that is there before anything opens it for writing. */
function lookFirst(place: LedgerPlace): void {
  const db = new Database(place.database, { readonly: true, timeout: 0 });
  try {
    refuseForeign(readHeader(db), place.database, MIGRATIONS.length);
  } finally {
    db.close();
  }
}

function limitSize(db: Database.Database, maxBytes: number | undefined, place: LedgerPlace): void {
  if (maxBytes === undefined) return;
  const count = (name: string): number => Number(db.pragma(name, { simple: true }));
  const pages = Math.max(1, Math.floor(maxBytes / count("page_size")));
  db.pragma(`max_page_count = ${pages}`);
  if (count("page_count") >= pages && count("freelist_count") === 0)
    throw ledgerError("ledger/full", `the ledger has its ${maxBytes} bytes`, place.database);
}

function checkWhole(db: Database.Database, place: LedgerPlace, upToBytes: number): void {
  if ((sizeOf(place.database) ?? 0) > upToBytes) return;
  const found = String(db.pragma("quick_check(1)", { simple: true }));
  if (found !== "ok") throw ledgerError("ledger/corrupt", found, place.database);
}

function noLog(place: LedgerPlace): AssayError {
  return ledgerError("ledger/read-only", "no write-ahead log can be kept here", place.database);
}

/**
 * Opens the ledger beside the daemon, or without one, for reading only.
 * @throws AssayError ledger/missing, denied, newer, older, corrupt, read-only or io
 */
export function openForReading(options: StoreOptions): Store {
  const place = ledgerPlace(options.stateDir);
  return mended(place.database, () => {
    if (!statReadable(place)) throw missing(place);
    const db = openReader(place, options);
    try {
      db.pragma("query_only = ON");
      checkWhole(db, place, options.checkUpToBytes);
    } catch (error) {
      db.close();
      throw error;
    }
    return { db, place, close: () => void db.close() };
  });
}

function statReadable(place: LedgerPlace): boolean {
  try {
    return Boolean(sizeOf(place.database));
  } catch (cause) {
    throw ledgerError("ledger/denied", "the ledger cannot be read", place.database, cause);
  }
}

function openReader(
  place: LedgerPlace,
  { busyTimeoutMs: timeout, olderToo = false }: StoreOptions,
): Database.Database {
  try {
    return headed(new Database(place.database, { readonly: true, timeout }), place, olderToo);
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError) || cause.code !== "SQLITE_CANTOPEN") throw cause;
    // A reader shares memory with the writer through a file beside the database.
    throw new AssayError("ledger/read-only", "a side file cannot be made beside the ledger", {
      place: place.database,
      hint: "copy ledger.sqlite, and ledger.sqlite-wal where there is one, to a writable directory and read it there",
      cause,
    });
  }
}

/** The same connection once its header is one that this version reads. */
function headed(db: Database.Database, place: LedgerPlace, olderToo: boolean): Database.Database {
  try {
    const header = readHeader(db);
    refuseForeign(header, place.database, MIGRATIONS.length);
    if (header.blank) throw missing(place);
    if (header.version < MIGRATIONS.length && !olderToo)
      throw new AssayError(
        "ledger/older",
        `the ledger is of version ${header.version}; this program reads ${MIGRATIONS.length}`,
        { place: place.database, hint: "start the daemon once: it brings the ledger up to date" },
      );
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function missing(place: LedgerPlace): AssayError {
  return new AssayError("ledger/missing", "there is no ledger here", {
    place: place.database,
    hint: "start the daemon with this state directory, or name the one it uses",
  });
}

function mended<T>(place: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw asLedgerError(cause, place);
  }
}
