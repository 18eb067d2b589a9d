import type { Database } from "better-sqlite3";
import { z } from "zod";
import { noAmounts } from "../../model/amounts.ts";
import { amountsWithin } from "../../model/cut.ts";
import { type Window, intersect } from "../../model/window.ts";
import { boundsOf } from "../slice-bounds.ts";
import { type CountedSlice, countedSlice } from "./counted-slice.ts";
import { COUNTED, COUNTED_FROM, SUMS } from "./slice-sql.ts";
import { type SumMap, sumRow } from "./sums.ts";

/** Sums of the slices that lie wholly inside, read in the order of their pages. */
const INSIDE = `
  SELECT s.gpu_id AS gpuId, coalesce(c.owner_id, s.owner_id) AS ownerId,
    coalesce(c.label_id, s.label_id) AS labelId, s.simulated, ${SUMS}
  FROM ${COUNTED_FROM}
  WHERE s.sequence BETWEEN @first AND @last AND +s.from_ms >= @fromMs AND s.to_ms <= @toMs
  GROUP BY 1, 2, 3, 4`;

/**
 * Slices of the windows that begin before an instant and end after it. CROSS JOIN keeps the planner
 * from reading all slices first: it is two looks at the index for each device.
 */
const STRADDLING = `
  SELECT ${COUNTED}, g.uuid AS gpuUuid
  FROM gpus g
  CROSS JOIN slices s ON s.gpu_id = g.id AND s.from_ms = (
    SELECT max(from_ms) FROM slices WHERE gpu_id = g.id AND from_ms < @atMs)
  LEFT JOIN corrected_slices c ON c.slice_sequence = s.sequence
  WHERE s.to_ms > @atMs ORDER BY s.gpu_id, s.sequence`;

/** Adds what slices say about a window; those that lie across an end are cut there. */
export function addFromSlices(db: Database, window: Window, to: SumMap): void {
  const bounds = boundsOf(db, window);
  if (!bounds) return;
  const { fromMs, toMs } = window;
  const inside = db.prepare(INSIDE).all({ fromMs, toMs, ...bounds });
  for (const sum of z.array(sumRow).parse(inside)) to.add(sum);
  for (const slices of straddling(db, window)) {
    const amounts = amountsWithin(slices[0], slices, window);
    for (const [i, { gpuId, ownerId, labelId, simulated }] of slices.entries())
      to.add({ gpuId, ownerId, labelId, simulated, ...(amounts[i] ?? noAmounts()) });
  }
}

/** Windows that lie across an end of `window`, each with all its slices. */
function straddling(db: Database, window: Window): [CountedSlice, ...CountedSlice[]][] {
  const statement = db.prepare(STRADDLING);
  const slices = new Map<number, CountedSlice>();
  for (const atMs of [window.fromMs, window.toMs])
    for (const slice of z.array(countedSlice).parse(statement.all({ atMs })))
      if (intersect(slice, window)) slices.set(slice.sequence, slice);
  return windowsOf(slices.values());
}

/** Slices window by window, in the order in which they come. */
export function windowsOf(slices: Iterable<CountedSlice>): [CountedSlice, ...CountedSlice[]][] {
  const windows = new Map<string, [CountedSlice, ...CountedSlice[]]>();
  for (const slice of slices) {
    const known = windows.get(`${slice.gpuId} ${slice.fromMs}`);
    if (known) known.push(slice);
    else windows.set(`${slice.gpuId} ${slice.fromMs}`, [slice]);
  }
  return [...windows.values()];
}
