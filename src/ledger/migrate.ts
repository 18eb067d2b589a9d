import type { Database } from "better-sqlite3";
import { AssayError } from "../model/errors.ts";
import { createUsageTables } from "./migrations/001-usage.ts";
import { createAlertTables } from "./migrations/002-alerts.ts";
import { createWhoTables } from "./migrations/003-who.ts";
import { createSeals } from "./migrations/004-seals.ts";
import { createActTables } from "./migrations/005-acts.ts";
import { createRollupTables } from "./migrations/006-rollups.ts";
import { createChainTables } from "./migrations/007-chain.ts";
import { allowPruning } from "./migrations/008-keep.ts";

/** Brings a ledger from the version before to its own; runs inside a transaction. */
export type Migration = (db: Database) => void;

/** The migration at index `i` leads to version `i + 1`. One that was released never changes. */
export const MIGRATIONS: readonly Migration[] = [
  createUsageTables,
  createAlertTables,
  createWhoTables,
  createSeals,
  createActTables,
  createRollupTables,
  createChainTables,
  allowPruning,
];

/** "assa" in the SQLite header: tells a ledger from any other SQLite database. */
export const APPLICATION_ID = 0x61737361;

/** What a database's header says it is. Reads only. */
export interface LedgerHeader {
  applicationId: number;
  version: number;
  /** True for a file that holds no table yet, as one that was just made. */
  blank: boolean;
}

export function readHeader(db: Database): LedgerHeader {
  return {
    applicationId: Number(db.pragma("application_id", { simple: true })),
    version: Number(db.pragma("user_version", { simple: true })),
    blank: db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined,
  };
}

/**
 * @throws AssayError ledger/corrupt where this is some other database; ledger/newer where it is a
 * ledger of a version above `latest`
 */
export function refuseForeign(header: LedgerHeader, place: string, latest: number): void {
  const untouched = header.blank && header.version === 0 && header.applicationId === 0;
  if (untouched) return;
  if (header.applicationId !== APPLICATION_ID)
    throw new AssayError("ledger/corrupt", "this is a SQLite database, but not a ledger", {
      place,
      hint: "name another state directory, or move the file away",
    });
  if (header.version > latest)
    throw new AssayError(
      "ledger/newer",
      `the ledger is of version ${header.version}; this program knows versions up to ${latest}`,
      { place, hint: "run the newer program, or name another state directory" },
    );
}

/**
 * Applies what is missing, each step and its version number in one transaction: a crash or an
 * error leaves the version before, whole.
 */
export function migrate(
  db: Database,
  place: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const header = readHeader(db);
  refuseForeign(header, place, migrations.length);
  for (const [i, step] of migrations.entries()) {
    if (i < header.version) continue;
    db.transaction(() => {
      step(db);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${i + 1}`);
    }).immediate();
  }
}
