import type { Database } from "better-sqlite3";
import { newSeal } from "../seal.ts";

/** Tables whose rows may name a person, and the column that does. */
export const SEALED = {
  owners: "key",
  evidence: "json",
  owner_states: "json",
  processes: "json",
  contexts: "json",
  incident_states: "json",
} as const;

export type SealedTable = keyof typeof SEALED;

/**
 * What may name a person gets a seal: the chain holds that, and not the value (seal.ts). `erased` is
 * the sequence of the act that took the value away, 0 while it is there.
 */
export function createSeals(db: Database): void {
  for (const [table, column] of Object.entries(SEALED)) {
    db.exec(`
      ALTER TABLE ${table} ADD COLUMN salt BLOB;
      ALTER TABLE ${table} ADD COLUMN seal BLOB;
      ALTER TABLE ${table} ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
    `);
    sealWhatIsThere(db, table, column);
  }
  // What age takes away is looked for every hour: what it has taken is not looked at again.
  db.exec(`
    CREATE INDEX processes_kept ON processes (first_seen_ms) WHERE erased = 0;
    CREATE INDEX owner_states_kept ON owner_states (at_ms) WHERE erased = 0;
    CREATE INDEX incident_states_kept ON incident_states (updated_at_ms) WHERE erased = 0;
  `);
}

function sealWhatIsThere(db: Database, table: string, column: string): void {
  const update = db.prepare(`UPDATE ${table} SET salt = ?, seal = ? WHERE rowid = ?`);
  const rows = db.prepare<[], { id: number; value: string }>(
    `SELECT rowid AS id, ${column} AS value FROM ${table}`,
  );
  const trigger = `${table}_no_update`;
  db.exec(`DROP TRIGGER IF EXISTS ${trigger}`);
  for (const { id, value } of rows.all()) {
    const { salt, seal } = newSeal(value);
    update.run(salt, seal, id);
  }
  allowErasure(db, table, column);
}

/**
 * Nothing but an erasure may change a row: it replaces the value, takes the salt, and names the act
 * that did it. The seal stays.
 */
function allowErasure(db: Database, table: string, column: string): void {
  db.exec(`
    CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table}
    WHEN NEW.erased = 0 OR NEW.salt IS NOT NULL OR NEW.seal IS NOT OLD.seal
      OR NEW.rowid IS NOT OLD.rowid
    BEGIN SELECT RAISE(ABORT, '${table} is append-only: only an erasure changes ${column}'); END;
  `);
}
