import { createHash } from "node:crypto";
import type { Database } from "better-sqlite3";
import { HOUR_MS } from "../../model/hour.ts";

/**
 * What stands for time whose slices are gone: the sums of its hours, where slices lay, and what of
 * it was not observed. Each is cut at the hour or can be, so that what comes later changes none.
 */
const SUMS = [
  `SELECT 'hours', * FROM hours WHERE hour >= @fromMs / ${HOUR_MS} AND hour < @toMs / ${HOUR_MS}
   ORDER BY hour, gpu_id, owner_id, label_id, simulated`,
  `SELECT 'coverage', gpu_id, max(from_ms, @fromMs), min(to_ms, @toMs) FROM coverage
   WHERE from_ms < @toMs AND to_ms > @fromMs ORDER BY gpu_id, from_ms`,
  `SELECT 'unobserved', * FROM unobserved WHERE from_ms >= @fromMs AND from_ms < @toMs
   ORDER BY gpu_id, from_ms`,
];

/** Before any time that slices speak of, and a whole hour. */
const BEGIN_MS = -Math.floor(Number.MAX_SAFE_INTEGER / HOUR_MS) * HOUR_MS;

export interface SumsState {
  beforeMs: number;
  /** 64 hexadecimal digits. */
  digest: string;
}

/** Of a ledger that nothing was removed from. */
export const NO_SUMS: SumsState = { beforeMs: BEGIN_MS, digest: "0".repeat(64) };

/**
 * The digest of all sums before `beforeMs`, made of the one up to an earlier hour and of what came
 * since: a prune reads the sums of what it removes, and not those of all the years before.
 */
export function extendSums(db: Database, last: SumsState, beforeMs: number): SumsState {
  const hash = createHash("sha256").update(last.digest);
  for (const sql of SUMS) {
    const rows = db.prepare<{ fromMs: number; toMs: number }, unknown[]>(sql).safeIntegers().raw();
    for (const row of rows.iterate({ fromMs: last.beforeMs, toMs: beforeMs }))
      hash.update(`${row.map(String).join(" ")}\n`);
  }
  hash.update(`${beforeMs}`);
  return { beforeMs, digest: hash.digest("hex") };
}
