import type { Database } from "better-sqlite3";
import type { IntervalUsage } from "../contract.ts";
import { addFromSlices } from "./edges.ts";
import { SumMap, namedRows } from "./sums.ts";

/** Sums of each interval between neighbouring bounds: see the contract. */
export function usage(db: Database, bounds: readonly number[]): IntervalUsage[] {
  return bounds.slice(1).map((toMs, i) => {
    const interval = { fromMs: bounds[i] ?? toMs, toMs };
    const sums = new SumMap();
    addFromSlices(db, interval, sums);
    return { ...interval, rows: namedRows(db, sums.values()) };
  });
}
