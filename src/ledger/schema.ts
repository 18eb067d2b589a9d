import type { Database } from "better-sqlite3";

/** One step of the schema. Steps are never edited once they have shipped: new ones are added. */
type Migration = (db: Database) => void;

const initial: Migration = (db) => {
  db.exec(`
    CREATE TABLE gpus (
      uuid TEXT PRIMARY KEY,
      node TEXT NOT NULL,
      gpu_index INTEGER NOT NULL,
      model TEXT NOT NULL,
      memory_total_bytes INTEGER,
      power_limit_watts REAL,
      pci_bus_id TEXT,
      driver_version TEXT,
      parent_uuid TEXT,
      mig_profile TEXT,
      first_seen_ms INTEGER NOT NULL,
      simulated INTEGER NOT NULL
    ) STRICT;

    -- Evidence repeats from window to window: one row for each different list of reasons.
    CREATE TABLE evidence (
      id INTEGER PRIMARY KEY,
      body TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE slices (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      node TEXT NOT NULL,
      gpu_uuid TEXT NOT NULL,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL,
      owner_key TEXT NOT NULL,
      time_ms INTEGER NOT NULL,
      energy_mj INTEGER,
      basis TEXT NOT NULL,
      label TEXT NOT NULL,
      confidence REAL NOT NULL,
      evidence_id INTEGER NOT NULL REFERENCES evidence (id),
      model_version TEXT NOT NULL,
      agent_version TEXT NOT NULL,
      simulated INTEGER NOT NULL,
      CHECK (from_ms < to_ms AND time_ms >= 0 AND time_ms <= to_ms - from_ms)
    ) STRICT;
    CREATE INDEX slices_by_time ON slices (to_ms, from_ms);
    CREATE INDEX slices_by_gpu ON slices (gpu_uuid, to_ms);

    CREATE TABLE gaps (
      id INTEGER PRIMARY KEY,
      node TEXT NOT NULL,
      gpu_uuid TEXT,
      source TEXT NOT NULL,
      reason TEXT NOT NULL,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE incident_states (
      id INTEGER PRIMARY KEY,
      incident_id TEXT NOT NULL,
      state TEXT NOT NULL,
      body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX incident_states_by_incident ON incident_states (incident_id, id);

    CREATE TABLE outbox (
      id TEXT NOT NULL,
      endpoint TEXT NOT NULL,
      type TEXT NOT NULL,
      body TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      next_attempt_at_ms INTEGER NOT NULL,
      state TEXT NOT NULL DEFAULT 'due',
      last_error TEXT,
      PRIMARY KEY (id, endpoint)
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (state, next_attempt_at_ms);

    CREATE TABLE calibrations (
      id INTEGER PRIMARY KEY,
      gpu_uuid TEXT NOT NULL,
      kernel TEXT NOT NULL,
      body TEXT NOT NULL
    ) STRICT;
  `);
  for (const table of ["slices", "gaps", "incident_states", "calibrations"])
    for (const change of ["UPDATE", "DELETE"])
      db.exec(`
        CREATE TRIGGER ${table}_no_${change.toLowerCase()} BEFORE ${change} ON ${table}
        BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END;
      `);
};

const MIGRATIONS: readonly Migration[] = [initial];

/** The schema version this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

export function schemaVersionOf(db: Database): number {
  return Number(db.pragma("user_version", { simple: true }));
}

/** Brings an older ledger up to date, all steps in one transaction. */
export function migrate(db: Database): void {
  db.transaction(() => {
    for (const [i, step] of MIGRATIONS.entries()) if (i >= schemaVersionOf(db)) step(db);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }).exclusive();
}
