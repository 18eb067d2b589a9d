import type { Database } from "better-sqlite3";
import { fillDerived } from "../rollup/rebuild.ts";

/**
 * Sums of slices, kept as they come. All of it but `corrections` is derived and can be made again of
 * the slices: nothing here is append-only. Keys begin with what reports and retention go by.
 */
export function createRollupTables(db: Database): void {
  db.exec(`
    CREATE TABLE hours (
      hour INTEGER NOT NULL,
      gpu_id INTEGER NOT NULL REFERENCES gpus,
      owner_id INTEGER NOT NULL REFERENCES owners,
      label_id INTEGER NOT NULL REFERENCES texts,
      simulated INTEGER NOT NULL,
      time_ms INTEGER NOT NULL,
      energy_mj INTEGER NOT NULL,
      energy_unmeasured_ms INTEGER NOT NULL,
      idle_energy_mj INTEGER NOT NULL,
      dynamic_energy_mj INTEGER NOT NULL,
      energy_unsplit_ms INTEGER NOT NULL,
      confidence_ms INTEGER NOT NULL,
      slice_count INTEGER NOT NULL,
      PRIMARY KEY (hour, gpu_id, owner_id, label_id, simulated)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE segments (
      gpu_id INTEGER NOT NULL REFERENCES gpus,
      owner_id INTEGER NOT NULL REFERENCES owners,
      first_sequence INTEGER NOT NULL,
      label_id INTEGER NOT NULL REFERENCES texts,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL,
      time_ms INTEGER NOT NULL,
      energy_mj INTEGER,
      slice_count INTEGER NOT NULL,
      PRIMARY KEY (gpu_id, owner_id, first_sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX segments_by_end ON segments (to_ms);

    CREATE TABLE coverage (
      gpu_id INTEGER NOT NULL REFERENCES gpus,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL,
      PRIMARY KEY (gpu_id, from_ms)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE unobserved (
      gpu_id INTEGER NOT NULL REFERENCES gpus,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL,
      time_ms INTEGER NOT NULL,
      PRIMARY KEY (gpu_id, from_ms)
    ) STRICT, WITHOUT ROWID;
  `);
  createCorrectionTables(db);
  fillDerived(db);
}

/**
 * A correction by numbers: erasing the names in its act changes nothing here. `owner_id` is whose
 * slices, as written, and NULL for everybody's; the new label and owner are NULL where they stay;
 * `last_sequence` is the newest slice there was.
 */
function createCorrectionTables(db: Database): void {
  db.exec(`
    CREATE TABLE corrections (
      act_sequence INTEGER PRIMARY KEY REFERENCES acts,
      gpu_id INTEGER NOT NULL REFERENCES gpus,
      from_ms INTEGER NOT NULL,
      to_ms INTEGER NOT NULL,
      owner_id INTEGER REFERENCES owners,
      new_label_id INTEGER REFERENCES texts,
      new_owner_id INTEGER REFERENCES owners,
      last_sequence INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE corrected_slices (
      slice_sequence INTEGER PRIMARY KEY,
      act_sequence INTEGER NOT NULL REFERENCES corrections,
      label_id INTEGER NOT NULL REFERENCES texts,
      owner_id INTEGER NOT NULL REFERENCES owners
    ) STRICT;
  `);
}
