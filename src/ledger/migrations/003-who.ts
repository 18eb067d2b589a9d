import type { Database } from "better-sqlite3";
import { makeAppendOnly } from "./001-usage.ts";

/**
 * Who was behind the slices: what became known of owners, the processes they were seen with, and the
 * runs, episodes and tool calls of that time. And of energy the part that a device draws anyway.
 */
export function createWhoTables(db: Database): void {
  db.exec(`
    CREATE TABLE owner_states (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      owner_key TEXT NOT NULL,
      at_ms INTEGER NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX states_of_owner ON owner_states (owner_key, sequence);

    CREATE TABLE processes (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      owner_key TEXT NOT NULL,
      pid INTEGER NOT NULL,
      start_ms INTEGER,
      first_seen_ms INTEGER NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX processes_of_owner ON processes (owner_key, first_seen_ms);
    CREATE INDEX processes_by_pid ON processes (pid, start_ms);

    CREATE TABLE contexts (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      context_id TEXT,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX contexts_by_time ON contexts (from_ms);
    CREATE INDEX contexts_by_id ON contexts (context_id, sequence);

    ALTER TABLE slices ADD COLUMN idle_energy_mj INTEGER
      CHECK (idle_energy_mj >= 0 AND idle_energy_mj <= energy_mj);
  `);
  for (const table of ["owner_states", "processes", "contexts"]) makeAppendOnly(db, table);
}
