import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Window } from "../model/window.ts";

/**
 * Sequence and time rise together for each device, so two looks at the index for each bound a scan.
 * Begins with the window that lies across @fromMs.
 */
const BOUNDS = `
  SELECT min(first) AS first, max(last) AS last FROM (
    SELECT (
      SELECT sequence FROM slices WHERE gpu_id = g.id AND from_ms >= coalesce(
        (SELECT max(from_ms) FROM slices WHERE gpu_id = g.id AND from_ms < @fromMs), @fromMs)
      ORDER BY from_ms, sequence LIMIT 1
    ) AS first, (
      SELECT sequence FROM slices WHERE gpu_id = g.id AND from_ms < @toMs
      ORDER BY from_ms DESC, sequence DESC LIMIT 1
    ) AS last
    FROM gpus g WHERE @gpuUuid IS NULL OR g.uuid = @gpuUuid)`;

const boundsRow = z.object({ first: z.int().nullable(), last: z.int().nullable() });

/** First and last sequence number of the slices that touch a window; undefined where none does. */
export function boundsOf(
  db: Database,
  { fromMs, toMs }: Window,
  gpuUuid?: string,
): { first: number; last: number } | undefined {
  const found = db.prepare(BOUNDS).get({ fromMs, toMs, gpuUuid: gpuUuid ?? null });
  const { first, last } = boundsRow.parse(found);
  return first === null || last === null || first > last ? undefined : { first, last };
}
