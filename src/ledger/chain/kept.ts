import type { Database } from "better-sqlite3";
import { parseRanges, RecordDigest } from "./entry.ts";
import {
  type Cell,
  CHAINED,
  CHAINED_NAMES,
  createEnds,
  type Ends,
  recordColumns,
  recordText,
} from "./tables.ts";

/**
 * Retention removes the oldest entries of the chain with most of their rows. Rows that are still
 * needed (texts, devices, owners that later slices name) are kept, and no entry holds them any more:
 * the checkpoint holds one digest of them all.
 *
 * The newest row of every table has to stay, whatever its age: SQLite would give its number away
 * again otherwise.
 */

/** The last row of each table that the entries up to `chainSequence` hold. */
export function endsOf(db: Database, chainSequence: number): Ends {
  const ends = createEnds(db)();
  const missing = new Set(CHAINED_NAMES.filter((name) => ends[name] > 0));
  const entries = db.prepare<[number], string>(
    "SELECT ranges FROM chain WHERE sequence > ? ORDER BY sequence",
  );
  for (const text of entries.pluck().iterate(chainSequence)) {
    const ranges = parseRanges(text) ?? {};
    for (const name of missing) {
      const range = ranges[name];
      if (!range) continue;
      ends[name] = range[0] - 1;
      missing.delete(name);
    }
    if (missing.size === 0) break;
  }
  return ends;
}

/**
 * SHA-256, in hex, of the rows up to `ends` that are there, and of what else was kept of them: their
 * sums, a text for each, in an order that is the same at every reading.
 */
export function keptDigest(db: Database, ends: Ends, sums: Iterable<string> = []): string {
  const digest = new RecordDigest();
  for (const name of CHAINED_NAMES) {
    const { id } = CHAINED[name];
    const sql = `SELECT ${recordColumns(name)} FROM ${name} WHERE ${id} <= ? ORDER BY ${id}`;
    for (const row of db.prepare<[number], Cell[]>(sql).raw().iterate(ends[name]))
      digest.add(recordText(name, row));
  }
  for (const text of sums) digest.add(JSON.stringify(["sum", text]));
  return digest.digest().toString("hex");
}
