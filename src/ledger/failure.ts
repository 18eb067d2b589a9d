import { z } from "zod";
import { AssayError, type ErrorCode } from "../model/errors.ts";

const HINTS = {
  "ledger/full": "free space on the disk, raise ledger.maxSize, or name another state directory",
  "ledger/read-only": "make the directory writable for this user, or name another state directory",
  "ledger/corrupt": "restore a backup, or move the file away and begin a new ledger",
  "ledger/busy": "stop the other daemon first; reports can run beside it",
  "ledger/denied": "run as the user the daemon runs as",
  "ledger/io": "look at the kernel log and the disk's health",
} as const satisfies Partial<Record<ErrorCode, string>>;

type StorageCode = keyof typeof HINTS;

/**
 * Result codes of SQLite and errno names, first match wins. SHMSIZE is what SQLite says when a full
 * disk has no room for its shared-memory index.
 */
const CODES: readonly (readonly [RegExp, StorageCode])[] = [
  [/^SQLITE_FULL|^SQLITE_IOERR_SHMSIZE|^ENOSPC$|^EDQUOT$/, "ledger/full"],
  [/^SQLITE_(READONLY|CANTOPEN|PERM)/, "ledger/read-only"],
  [/^(EROFS|EACCES|EPERM|ENOTDIR|EEXIST|EISDIR|ENOENT)$/, "ledger/read-only"],
  [/^SQLITE_(CORRUPT|NOTADB)/, "ledger/corrupt"],
  [/^SQLITE_(BUSY|LOCKED)/, "ledger/busy"],
  [/^SQLITE_(IOERR|NOMEM|PROTOCOL|INTERRUPT|ABORT)|^EIO$/, "ledger/io"],
];

/**
 * A storage error of SQLite or the file system as the error a user can mend; others unchanged.
 * Rows that are not what the schema says were not written by this program.
 */
export function asLedgerError(cause: unknown, place: string): unknown {
  if (!(cause instanceof Error) || cause instanceof AssayError) return cause;
  if (cause instanceof z.ZodError)
    return ledgerError("ledger/corrupt", z.prettifyError(cause), place, cause);
  const native = "code" in cause ? String(cause.code) : "";
  const code = CODES.find(([pattern]) => pattern.test(native))?.[1];
  return code === undefined
    ? cause
    : ledgerError(code, `${cause.message} (${native})`, place, cause);
}

/** An error of the ledger with the hint that goes with its code. */
export function ledgerError(
  code: StorageCode,
  message: string,
  place: string,
  cause?: unknown,
): AssayError {
  return new AssayError(code, message, { place, hint: HINTS[code], cause });
}
