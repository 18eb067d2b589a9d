import type { Database } from "better-sqlite3";

/**
 * Devices, owners and slices. Repeated strings are interned in `texts`, repeated evidence in
 * `evidence`: a month of one node is millions of slices. What was measured is append-only, and the
 * database itself refuses to change it.
 */
export function createUsageTables(db: Database): void {
  createInternTables(db);
  createSliceTables(db);
  createRecordTables(db);
  for (const table of ["slices", "gaps", "calibrations"]) makeAppendOnly(db, table);
  makeAppendOnly(db, "texts", "text");
  makeAppendOnly(db, "owners", "key");
  makeAppendOnly(db, "evidence", "digest");
}

function createInternTables(db: Database): void {
  db.exec(`
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('timesOpened', 0);

    CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE owners (
      id INTEGER PRIMARY KEY,
      kind TEXT NOT NULL,
      ident TEXT NOT NULL,
      key TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE evidence (
      id INTEGER PRIMARY KEY,
      digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
      json TEXT NOT NULL
    ) STRICT;
  `);
}

function createSliceTables(db: Database): void {
  db.exec(`
    CREATE TABLE gpus (
      id INTEGER PRIMARY KEY,
      uuid TEXT NOT NULL UNIQUE,
      node TEXT NOT NULL,
      idx INTEGER NOT NULL,
      model TEXT NOT NULL,
      memory_total_bytes INTEGER,
      power_limit_watts REAL,
      pci_bus_id TEXT,
      driver_version TEXT,
      parent_uuid TEXT,
      mig_profile TEXT,
      first_seen_ms INTEGER NOT NULL,
      simulated INTEGER NOT NULL CHECK (simulated IN (0, 1))
    ) STRICT;

    CREATE TABLE slices (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      gpu_id INTEGER NOT NULL REFERENCES gpus,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL CHECK (to_ms > from_ms),
      owner_id INTEGER NOT NULL REFERENCES owners,
      time_ms INTEGER NOT NULL CHECK (time_ms BETWEEN 0 AND to_ms - from_ms),
      energy_mj INTEGER CHECK (energy_mj >= 0),
      label_id INTEGER NOT NULL REFERENCES texts,
      basis_id INTEGER NOT NULL REFERENCES texts,
      confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
      evidence_id INTEGER NOT NULL REFERENCES evidence,
      node_id INTEGER NOT NULL REFERENCES texts,
      model_version_id INTEGER NOT NULL REFERENCES texts,
      agent_version_id INTEGER NOT NULL REFERENCES texts,
      simulated INTEGER NOT NULL CHECK (simulated IN (0, 1))
    ) STRICT;
    CREATE INDEX slices_of_gpu ON slices (gpu_id, from_ms);
  `);
}

function createRecordTables(db: Database): void {
  db.exec(`
    CREATE TABLE gaps (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      node TEXT NOT NULL,
      gpu_uuid TEXT,
      source TEXT NOT NULL,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL CHECK (to_ms >= from_ms),
      reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX gaps_by_time ON gaps (from_ms);

    CREATE TABLE calibrations (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      gpu_uuid TEXT NOT NULL,
      kernel TEXT NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX calibrations_of_gpu ON calibrations (gpu_uuid, kernel);
  `);
}

/**
 * Makes the database refuse every change and removal in `table`, whoever asks through SQL. REPLACE
 * removes rows without asking the triggers of DELETE, so inserts that would are refused too.
 * @param unique a column that tells rows apart beside the row number
 */
export function makeAppendOnly(db: Database, table: string, unique?: string): void {
  const refuse = `BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END`;
  const same = unique === undefined ? "" : ` OR ${unique} = NEW.${unique}`;
  db.exec(`
    CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} ${refuse};
    CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} ${refuse};
    CREATE TRIGGER ${table}_no_replace BEFORE INSERT ON ${table}
    WHEN EXISTS (SELECT 1 FROM ${table} WHERE rowid = NEW.rowid${same}) ${refuse};
  `);
}
