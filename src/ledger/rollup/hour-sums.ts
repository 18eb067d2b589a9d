import type { Database } from "better-sqlite3";
import { AMOUNTS } from "../../model/amounts.ts";
import type { Sum } from "./sums.ts";

const ADD = `
  INSERT INTO hours (hour, gpu_id, owner_id, label_id, simulated, time_ms, energy_mj,
    energy_unmeasured_ms, idle_energy_mj, dynamic_energy_mj, energy_unsplit_ms, confidence_ms,
    slice_count)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET
    time_ms = time_ms + excluded.time_ms, energy_mj = energy_mj + excluded.energy_mj,
    energy_unmeasured_ms = energy_unmeasured_ms + excluded.energy_unmeasured_ms,
    idle_energy_mj = idle_energy_mj + excluded.idle_energy_mj,
    dynamic_energy_mj = dynamic_energy_mj + excluded.dynamic_energy_mj,
    energy_unsplit_ms = energy_unsplit_ms + excluded.energy_unsplit_ms,
    confidence_ms = confidence_ms + excluded.confidence_ms,
    slice_count = slice_count + excluded.slice_count`;

/** A row that says nothing is no row: of a slice that an hour cuts, or that a correction moved. */
const DROP_EMPTY = `
  DELETE FROM hours
  WHERE hour = ? AND gpu_id = ? AND owner_id = ? AND label_id = ? AND simulated = ?
    AND time_ms = 0 AND energy_mj = 0 AND slice_count = 0`;

/** Changes to the sums of hours, collected, then written together. */
export class HourSums {
  private readonly changes = new Map<string, Sum & { hour: number }>();
  private readonly insert;
  private readonly dropEmpty;

  constructor(db: Database) {
    this.insert = db.prepare(ADD);
    this.dropEmpty = db.prepare(DROP_EMPTY);
  }

  /** @param sign -1 takes away what was added before */
  add(hour: number, sum: Sum, sign: 1 | -1 = 1): void {
    const key = `${hour} ${sum.gpuId} ${sum.ownerId} ${sum.labelId} ${sum.simulated}`;
    let row = this.changes.get(key);
    // Numbers are exact to 2^53, the database's to 2^63: what would be rounded is written first.
    if (row && !Number.isSafeInteger(row.energyMj + sum.energyMj)) {
      this.flush();
      row = undefined;
    }
    if (!row) {
      row = { ...sum, hour };
      for (const amount of AMOUNTS) row[amount] = 0;
      this.changes.set(key, row);
    }
    for (const amount of AMOUNTS) row[amount] += sign * sum[amount];
  }

  flush(): void {
    for (const { hour, gpuId, ownerId, labelId, simulated, ...amounts } of this.changes.values()) {
      const key = [hour, gpuId, ownerId, labelId, simulated];
      this.insert.run(...key, ...AMOUNTS.map((amount) => amounts[amount]));
      if (amounts.timeMs <= 0) this.dropEmpty.run(...key);
    }
    this.forget();
  }

  forget(): void {
    this.changes.clear();
  }
}
