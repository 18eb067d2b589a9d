import type { Database } from "better-sqlite3";
import { z } from "zod";
import { HOUR_MS, hourAt, hourlyParts } from "../../model/hour.ts";
import type { Window } from "../../model/window.ts";
import type { IntervalUsage } from "../contract.ts";
import { prunedHour } from "./cut-hour.ts";
import { addFromSlices } from "./edges.ts";
import { deviceStarts } from "./known-from.ts";
import { prunedBeforeMs } from "./pruned.ts";
import { HOUR_SUMS } from "./slice-sql.ts";
import { SumMap, namesOf, namedRows, sumRow } from "./sums.ts";

const WHOLE_HOURS = `
  SELECT ${HOUR_SUMS} FROM hours WHERE hour >= ? AND hour < ?
  GROUP BY gpu_id, owner_id, label_id, simulated`;

/**
 * Sums of each interval between neighbouring bounds: see the contract. Whole hours come of their
 * sums, what is left at the ends of its slices; where those are gone, the hour is cut.
 */
export function usage(db: Database, bounds: readonly number[]): IntervalUsage[] {
  const names = namesOf(db);
  const wholeHours = db.prepare(WHOLE_HOURS);
  const prunedMs = prunedBeforeMs(db);
  return bounds.slice(1).map((toMs, i) => {
    const interval = { fromMs: bounds[i] ?? toMs, toMs };
    const sums = new SumMap();
    const { hours, edges } = split(interval);
    for (const row of z.array(sumRow).parse(hours ? wholeHours.all(...hours) : [])) sums.add(row);
    for (const edge of edges) {
      if ((hourAt(edge.fromMs) + 1) * HOUR_MS > prunedMs) addFromSlices(db, edge, sums);
      else
        for (const device of deviceStarts(db))
          for (const row of prunedHour(db, hourAt(edge.fromMs), device)?.rowsIn(edge) ?? [])
            sums.add(row);
    }
    return { ...interval, rows: namedRows(names, sums.values()) };
  });
}

/** The whole hours of an interval, from one to before another, and what is left: less than an hour each. */
function split({ fromMs, toMs }: Window): { hours: [number, number] | undefined; edges: Window[] } {
  const [first, end] = [Math.ceil(fromMs / HOUR_MS), Math.floor(toMs / HOUR_MS)];
  if (first > end) return { hours: undefined, edges: [{ fromMs, toMs }] };
  const edges = [
    ...hourlyParts({ fromMs, toMs: first * HOUR_MS }),
    ...hourlyParts({ fromMs: end * HOUR_MS, toMs }),
  ];
  return { hours: first < end ? [first, end] : undefined, edges };
}
