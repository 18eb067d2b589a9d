import { readFileSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { asLedgerError, ledgerError } from "./failure.ts";
import { type LedgerPlace, createPrivately } from "./place.ts";

export interface LedgerLock {
  release(): void;
}

/**
 * Takes the right to write, for as long as this process lives: an exclusive transaction on an empty
 * database beside the ledger. The kernel holds it and drops it with the process, however it ends;
 * readers never look at it.
 * @param what in words, for the error
 * @throws AssayError ledger/busy while another daemon has it; ledger/read-only where it cannot be made
 */
export function acquireLock(
  place: LedgerPlace,
  procRoot: string = "/proc",
  what: string = "this ledger",
): LedgerLock {
  createPrivately(place.lock, place.stateDir);
  const db = new Database(place.lock, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    const error = asLedgerError(cause, place.lock);
    if (!isBusy(cause)) throw error;
    const holder = holderOf(place.lock, procRoot);
    const who = holder === undefined ? "another daemon" : `process ${holder}`;
    throw ledgerError("ledger/busy", `${who} holds ${what}`, place.stateDir, cause);
  }
  return { release: () => db.close() };
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Database.SqliteError && cause.code.startsWith("SQLITE_BUSY");
}

/** The process the kernel names as holder, where its list of locks can be read and names just one. */
function holderOf(path: string, procRoot: string): number | undefined {
  try {
    const inode = statSync(path).ino;
    const line = new RegExp(`POSIX +ADVISORY +WRITE +(\\d+) +[0-9a-f]+:[0-9a-f]+:${inode} `, "g");
    const locks = readFileSync(`${procRoot}/locks`, "utf8");
    const pids = new Set([...locks.matchAll(line)].map((match) => Number(match[1])));
    const [pid] = pids;
    return pids.size === 1 ? pid : undefined;
  } catch {
    return undefined; // it is only for the message
  }
}
