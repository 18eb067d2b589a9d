import type { Database } from "better-sqlite3";
import { makeAppendOnly } from "./001-usage.ts";

/**
 * What people and the agent did with the ledger, or said about it: corrections, disputes, reports
 * that were issued, erasures, checkpoints. Devices as they were described, one record a change:
 * `gpus` is only their newest state.
 */
export function createActTables(db: Database): void {
  db.exec(`
    CREATE TABLE acts (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      at_ms INTEGER NOT NULL,
      json TEXT NOT NULL,
      salt BLOB,
      seal BLOB NOT NULL CHECK (length(seal) = 32),
      erased INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX acts_by_id ON acts (kind, id, sequence);

    CREATE TABLE gpu_states (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      uuid TEXT NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX states_of_gpu ON gpu_states (uuid, sequence);

    INSERT INTO gpu_states (uuid, json)
    SELECT uuid, json_object('node', node, 'index', idx, 'uuid', uuid, 'model', model,
      'memoryTotalBytes', memory_total_bytes, 'powerLimitWatts', power_limit_watts,
      'pciBusId', pci_bus_id, 'driverVersion', driver_version, 'parentUuid', parent_uuid,
      'migProfile', mig_profile, 'firstSeenMs', first_seen_ms,
      'simulated', json(CASE simulated WHEN 1 THEN 'true' ELSE 'false' END))
    FROM gpus ORDER BY id;
  `);
  makeAppendOnly(db, "gpu_states");
  db.exec(`
    CREATE TRIGGER acts_no_update BEFORE UPDATE ON acts
    WHEN NEW.erased = 0 OR NEW.salt IS NOT NULL OR NEW.seal IS NOT OLD.seal
      OR NEW.rowid IS NOT OLD.rowid OR NEW.kind IS NOT OLD.kind OR NEW.id IS NOT OLD.id
    BEGIN SELECT RAISE(ABORT, 'acts is append-only: only an erasure changes json'); END;
    CREATE TRIGGER acts_no_delete BEFORE DELETE ON acts
    BEGIN SELECT RAISE(ABORT, 'acts is append-only'); END;
    CREATE TRIGGER acts_no_replace BEFORE INSERT ON acts
    WHEN EXISTS (SELECT 1 FROM acts WHERE rowid = NEW.rowid)
    BEGIN SELECT RAISE(ABORT, 'acts is append-only'); END;
  `);
}
