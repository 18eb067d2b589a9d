import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Window } from "../../model/window.ts";
import { absent } from "../row.ts";

/** A slice, as far as segments go. */
export interface RunSlice extends Window {
  sequence: number;
  labelId: number;
  timeMs: number;
  energyMj?: number | undefined;
  /** More than 1 where it stands for several slices that are one run already. */
  sliceCount: number;
}

/** A segment of one device and owner: contiguous slices of one label (`toSegments`, model/slice.ts). */
export interface Run extends RunSlice {
  gpuId: number;
  ownerId: number;
}

/** A segment as a row of a query that names its columns so. */
export const runRow = z.object({
  gpuId: z.int(),
  ownerId: z.int(),
  sequence: z.int(),
  labelId: z.int(),
  fromMs: z.int(),
  toMs: z.int(),
  timeMs: z.int(),
  energyMj: absent(z.int()),
  sliceCount: z.int(),
});

export function continuesRun(run: Omit<RunSlice, "sequence">, slice: RunSlice): boolean {
  return (
    run.toMs === slice.fromMs &&
    run.labelId === slice.labelId &&
    (run.energyMj === undefined) === (slice.energyMj === undefined)
  );
}

/** Times and energy are added to what the row has: its sums may be beyond what a number holds. */
const ADD = `
  INSERT INTO segments (gpu_id, owner_id, first_sequence, label_id, from_ms, to_ms, time_ms,
    energy_mj, slice_count)
  VALUES (@gpuId, @ownerId, @sequence, @labelId, @fromMs, @toMs, @timeMs, @energyMj, @sliceCount)
  ON CONFLICT DO UPDATE SET to_ms = excluded.to_ms, time_ms = time_ms + excluded.time_ms,
    energy_mj = energy_mj + excluded.energy_mj, slice_count = slice_count + excluded.slice_count`;

export function runAdder(db: Database): (run: Run) => void {
  const statement = db.prepare(ADD);
  return ({ energyMj, ...run }) => void statement.run({ ...run, energyMj: energyMj ?? null });
}
