import type { Database } from "better-sqlite3";
import { checkedColumns, createRowCheck, type RawCell } from "./row-check.ts";
import { CHAINED, CHAINED_NAMES, type Ends } from "./tables.ts";
import { Tampered } from "./tampered.ts";

/** Rows that a removal kept: each has to be sound in itself, as the others. @throws Tampered */
export function checkKept(db: Database, ends: Ends): void {
  for (const table of CHAINED_NAMES) {
    const check = createRowCheck(db, table);
    const { id } = CHAINED[table];
    const sql = `SELECT ${checkedColumns(table)} FROM ${table} WHERE ${id} <= ? ORDER BY ${id}`;
    for (const row of db.prepare<[number], RawCell[]>(sql).raw().iterate(ends[table])) {
      const what = check(row);
      if (what !== undefined) throw new Tampered({ table, row: Number(row[0]), what });
    }
  }
}
