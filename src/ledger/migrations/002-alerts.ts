import type { Database } from "better-sqlite3";
import { makeAppendOnly } from "./001-usage.ts";

/** Every state an incident went through, and the messages that must arrive. Only the outbox changes. */
export function createAlertTables(db: Database): void {
  db.exec(`
    CREATE TABLE incident_states (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      incident_id TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
      updated_at_ms INTEGER NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX states_of_incident ON incident_states (incident_id, sequence);
    CREATE VIEW incidents AS
      SELECT * FROM incident_states
      WHERE sequence IN (SELECT max(sequence) FROM incident_states GROUP BY incident_id);

    CREATE TABLE outbox (
      id TEXT NOT NULL,
      endpoint TEXT NOT NULL,
      type TEXT NOT NULL,
      body TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      state TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'delivered', 'dead')),
      attempts INTEGER NOT NULL DEFAULT 0,
      next_attempt_at_ms INTEGER NOT NULL,
      settled_at_ms INTEGER,
      last_error TEXT,
      PRIMARY KEY (id, endpoint)
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (state, next_attempt_at_ms);
  `);
  makeAppendOnly(db, "incident_states");
}
