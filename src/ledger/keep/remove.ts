import type { Database } from "better-sqlite3";
import type { Ends } from "../chain/tables.ts";
import { PRUNED, type PrunedTable, pruneKey } from "../migrations/008-keep.ts";
import type { Reach } from "./reach.ts";

/**
 * What goes of each table, up to a row. What is needed further stays: of devices, owners and
 * calibrations the newest word, incidents that are open or ended later, contexts that went on.
 * Evidence goes on its own (evidence.ts).
 */
const REMOVALS: readonly (readonly [PrunedTable, string])[] = [
  ["slices", "sequence <= @upTo"],
  [
    "gpu_states",
    "sequence <= @upTo AND sequence < (SELECT max(sequence) FROM gpu_states n WHERE n.uuid = gpu_states.uuid)",
  ],
  [
    "owner_states",
    `sequence <= @upTo AND sequence < (
      SELECT max(sequence) FROM owner_states n WHERE n.owner_key = owner_states.owner_key)`,
  ],
  [
    "incident_states",
    `sequence <= @upTo AND incident_id NOT IN (
      SELECT incident_id FROM incidents
      WHERE state != 'resolved' OR updated_at_ms >= @beforeMs OR sequence > @upTo)`,
  ],
  ["processes", "sequence <= @upTo AND first_seen_ms < @beforeMs"],
  [
    "contexts",
    `sequence <= @upTo AND (
      (from_ms < @beforeMs AND coalesce(to_ms, from_ms) < @beforeMs)
      OR sequence < (SELECT max(sequence) FROM contexts n WHERE n.context_id = contexts.context_id))`,
  ],
  [
    "calibrations",
    `sequence <= @upTo AND sequence < (
      SELECT max(sequence) FROM calibrations n
      WHERE n.gpu_uuid = calibrations.gpu_uuid AND n.kernel = calibrations.kernel)`,
  ],
];

/**
 * Removes the rows of a reach; the caller's transaction is under way, and foreign keys are not
 * looked after: of what slices name by number nothing goes here.
 * @returns how many of each table
 */
export function removeRows(db: Database, { ends, beforeMs }: Reach): Record<string, number> {
  const removed: Record<string, number> = {};
  db.prepare("DELETE FROM corrected_slices WHERE slice_sequence <= ?").run(ends.slices);
  for (const [table, condition] of REMOVALS) {
    const values = { upTo: endOf(table, ends), beforeMs };
    const { changes } = allowing(db, table, values.upTo, () =>
      db
        .prepare(`DELETE FROM ${table} WHERE ${condition} AND ${notNewest(table)}`)
        .run(...bound(condition, values)),
    );
    if (changes > 0) removed[table] = changes;
  }
  return removed;
}

/** Runs a removal that the database refuses at any other time. */
export function allowing<T>(db: Database, table: PrunedTable, upTo: number, remove: () => T): T {
  const key = pruneKey(table);
  db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, upTo);
  const result = remove();
  db.prepare("DELETE FROM meta WHERE key = ?").run(key);
  return result;
}

/** Entries and signatures up to one: what they held is gone, or in the checkpoint's digest. */
export function removeEntries(db: Database, upTo: number): void {
  for (const table of ["chain", "signatures"] as const) {
    const sql = `DELETE FROM ${table} WHERE ${PRUNED[table]} <= ?`;
    allowing(db, table, upTo, () => db.prepare(sql).run(upTo));
  }
}

/** The newest row keeps its number: that no row is missing at the end can be told by it. */
function notNewest(table: PrunedTable): string {
  return `sequence < (SELECT max(sequence) FROM ${table})`;
}

function endOf(table: PrunedTable, ends: Ends): number {
  return table === "chain" || table === "signatures" ? 0 : ends[table];
}

/** A statement takes no value that it does not name. */
function bound(condition: string, values: { upTo: number; beforeMs: number }): [object] {
  const { upTo } = values;
  return [condition.includes("@beforeMs") ? values : { upTo }];
}
