import type { Database } from "better-sqlite3";
import { z } from "zod";

/** Key in `meta`: a whole UTC hour. Slices that end at it or before may be gone; sums of hours never. */
export const PRUNED_KEY = "prunedBeforeMs";

/** Up to when slices may be gone; -Infinity where none is. */
export function prunedBeforeMs(db: Database): number {
  const value = db.prepare("SELECT value FROM meta WHERE key = ?").pluck().get(PRUNED_KEY);
  return z.int().optional().parse(value) ?? -Infinity;
}
