import type { Database } from "better-sqlite3";
import { z } from "zod";
import { type Run, type RunSlice, continuesRun, runAdder } from "./runs.ts";

/** The newest segment of a device and owner; a measured one has an energy. */
const NEWEST = `
  SELECT gpu_id AS gpuId, owner_id AS ownerId, first_sequence AS sequence, label_id AS labelId,
    from_ms AS fromMs, to_ms AS toMs, energy_mj IS NOT NULL AS measured
  FROM segments WHERE gpu_id = ? AND owner_id = ? ORDER BY first_sequence DESC LIMIT 1`;

const newestRow = z
  .object({
    gpuId: z.int(),
    ownerId: z.int(),
    sequence: z.int(),
    labelId: z.int(),
    fromMs: z.int(),
    toMs: z.int(),
    measured: z.int(),
  })
  .transform(({ measured, ...row }): Run => ({ ...row, ...nothing(measured === 1) }));

const MAX_REMEMBERED = 4096;

const nothing = (measured: boolean): Pick<Run, "timeMs" | "energyMj" | "sliceCount"> => ({
  timeMs: 0,
  energyMj: measured ? 0 : undefined,
  sliceCount: 0,
});

/** Lets the newest segment of each device and owner grow. What a run has here is not written yet. */
export class SegmentWriter {
  private readonly newest = new Map<string, Run>();
  private readonly write: (run: Run) => void;
  private readonly find;

  constructor(db: Database) {
    this.write = runAdder(db);
    this.find = db.prepare(NEWEST);
  }

  add(gpuId: number, ownerId: number, slice: RunSlice): void {
    const key = `${gpuId} ${ownerId}`;
    const run = this.newest.get(key) ?? this.stored(gpuId, ownerId);
    if (!run || !continuesRun(run, slice)) {
      if (run) this.settle(run);
      this.newest.set(key, { ...slice, gpuId, ownerId });
      return;
    }
    if (!Number.isSafeInteger((run.energyMj ?? 0) + (slice.energyMj ?? 0))) this.settle(run);
    run.toMs = slice.toMs;
    run.timeMs += slice.timeMs;
    run.sliceCount += slice.sliceCount;
    if (run.energyMj !== undefined) run.energyMj += slice.energyMj ?? 0;
    this.newest.set(key, run);
  }

  flush(): void {
    for (const run of this.newest.values()) this.settle(run);
    if (this.newest.size > MAX_REMEMBERED) this.forget();
  }

  forget(): void {
    this.newest.clear();
  }

  private settle(run: Run): void {
    if (run.sliceCount > 0) this.write(run);
    Object.assign(run, nothing(run.energyMj !== undefined));
  }

  private stored(gpuId: number, ownerId: number): Run | undefined {
    return newestRow.optional().parse(this.find.get(gpuId, ownerId));
  }
}
