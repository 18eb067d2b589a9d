import type { Database } from "better-sqlite3";
import { z } from "zod";
import { type Run, type RunSlice, continuesRun, runAdder, runRow } from "./runs.ts";
import { COUNTED_FROM } from "./slice-sql.ts";

/** Segments of a device and owner that touch a stretch or lie against it. */
const TOUCHED = `
  SELECT gpu_id AS gpuId, owner_id AS ownerId, first_sequence AS sequence, label_id AS labelId,
    from_ms AS fromMs, to_ms AS toMs, time_ms AS timeMs, energy_mj AS energyMj,
    slice_count AS sliceCount
  FROM segments
  WHERE gpu_id = @gpuId AND owner_id = @ownerId AND to_ms >= @fromMs AND from_ms <= @toMs
  ORDER BY first_sequence`;

const DROP = `
  DELETE FROM segments
  WHERE gpu_id = @gpuId AND owner_id = @ownerId AND to_ms >= @fromMs AND from_ms <= @toMs`;

const NEXT = `
  SELECT min(first_sequence) FROM segments
  WHERE gpu_id = @gpuId AND owner_id = @ownerId AND from_ms > @toMs`;

/** Slices of an owner as they count, from a time on and before a sequence number. */
const SLICES = `
  SELECT s.sequence, s.from_ms AS fromMs, s.to_ms AS toMs, s.time_ms AS timeMs,
    s.energy_mj AS energyMj, coalesce(c.label_id, s.label_id) AS labelId
  FROM ${COUNTED_FROM}
  WHERE s.gpu_id = @gpuId AND s.from_ms >= @fromMs AND s.from_ms < @endMs
    AND s.sequence < @beforeSequence AND coalesce(c.owner_id, s.owner_id) = @ownerId
  ORDER BY s.from_ms, s.sequence`;

const sliceRow = runRow
  .omit({ gpuId: true, ownerId: true, sliceCount: true })
  .transform((row): RunSlice => ({ ...row, sliceCount: 1 }));

export interface Rerun {
  gpuId: number;
  owners: ReadonlySet<number>;
  /** From the first to the last slice that changes. */
  fromMs: number;
  toMs: number;
}

/**
 * Makes the segments around a stretch again: first, what of them lies before it is put aside, which
 * needs no slice of that time. To be called before the slices change.
 * @returns what makes the segments, to be called after it
 */
export function rerunSegments(db: Database, { gpuId, owners, fromMs, toMs }: Rerun): () => void {
  const [drop, touched] = [db.prepare(DROP), db.prepare(TOUCHED)];
  const next = db.prepare(NEXT).pluck();
  const write = runAdder(db);
  const again = [...owners].map((ownerId) => {
    const at = { gpuId, ownerId, fromMs, toMs };
    const runs = z.array(runRow).parse(touched.all(at));
    const beforeSequence = z.int().nullable().parse(next.get({ gpuId, ownerId, toMs }));
    const range = {
      gpuId,
      ownerId,
      fromMs,
      endMs: Math.max(toMs, runs.at(-1)?.toMs ?? toMs),
      beforeSequence: beforeSequence ?? Number.MAX_SAFE_INTEGER,
    };
    const before = runs.flatMap((run, i) =>
      leftOf(db, run, { ...range, beforeSequence: runs[i + 1]?.sequence ?? range.beforeSequence }),
    );
    return { at, range, before };
  });
  return () => {
    for (const { at, range, before } of again) {
      drop.run(at);
      for (const run of remade(db, range, before)) write(run);
    }
  };
}

type Range = Pick<Run, "gpuId" | "ownerId" | "fromMs"> & { endMs: number; beforeSequence: number };

/** What of a segment lies before the range: all of it less its slices from there on, up to the next segment's. */
function leftOf(db: Database, run: Run, range: Range): Run[] {
  if (run.fromMs >= range.fromMs) return [];
  const rest = { ...run };
  for (const slice of slicesIn(db, { ...range, endMs: run.toMs })) {
    rest.toMs = Math.min(rest.toMs, slice.fromMs);
    rest.timeMs -= slice.timeMs;
    rest.sliceCount -= 1;
    if (rest.energyMj !== undefined) rest.energyMj -= slice.energyMj ?? 0;
  }
  return rest.sliceCount > 0 ? [rest] : [];
}

function remade(db: Database, range: Range, before: readonly Run[]): Run[] {
  const { gpuId, ownerId } = range;
  const out: Run[] = [];
  const add = (slice: RunSlice): void => {
    const last = out.at(-1);
    if (!last || !continuesRun(last, slice)) {
      out.push({ ...slice, gpuId, ownerId });
      return;
    }
    last.toMs = slice.toMs;
    last.timeMs += slice.timeMs;
    last.sliceCount += slice.sliceCount;
    if (last.energyMj !== undefined) last.energyMj += slice.energyMj ?? 0;
  };
  for (const run of before) add(run);
  for (const slice of slicesIn(db, range)) add(slice);
  return out;
}

function* slicesIn(db: Database, range: Range): Generator<RunSlice> {
  for (const row of db.prepare(SLICES).iterate(range)) yield sliceRow.parse(row);
}
