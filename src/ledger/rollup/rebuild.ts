import type { Database } from "better-sqlite3";
import { storedWindows } from "./stored-windows.ts";
import { createRollupWriter } from "./writer.ts";

const FLUSH_EVERY = 10_000;

/** Fills the derived tables, which are empty, with what the slices say. */
export function fillDerived(db: Database): void {
  const rollup = createRollupWriter(db);
  let windows = 0;
  for (const window of storedWindows(db)) {
    rollup.add(window);
    if (++windows % FLUSH_EVERY === 0) rollup.flush();
  }
  rollup.flush();
}
