import type { Database } from "better-sqlite3";
import { hourMismatch } from "./check-hours.ts";
import { correctionMismatch } from "./check-corrections.ts";
import { runMismatch } from "./check-runs.ts";
import { prunedBeforeMs } from "./pruned.ts";

/** The first row of a derived table that is not what the slices say. */
export interface RollupMismatch {
  table: "coverage" | "unobserved" | "segments" | "hours" | "corrected_slices";
  what: string;
}

/**
 * Makes everything derived again of the slices and the corrections and holds it against what is
 * stored. Reads only, in memory that does not grow with the number of slices. What retention removed
 * the slices of cannot be made again: of that the sums are taken as they are.
 */
export function rollupMismatch(db: Database): RollupMismatch | undefined {
  const prunedMs = prunedBeforeMs(db);
  return correctionMismatch(db) ?? runMismatch(db, prunedMs) ?? hourMismatch(db, prunedMs);
}
