import type { Database } from "better-sqlite3";
import { z } from "zod";
import { amountsWithin } from "../../model/cut.ts";
import { hourlyParts } from "../../model/hour.ts";
import type { Window } from "../../model/window.ts";
import type { RollupMismatch } from "./check.ts";
import { type Run, continuesRun, runRow } from "./runs.ts";
import { storedWindows } from "./stored-windows.ts";
import type { NumberedWindow } from "./writer.ts";

/**
 * Goes through all slices once and holds the runs they make against segments, coverage and
 * unobserved stretches. Of what begins before `prunedMs` only the end is held against them.
 */
export function runMismatch(db: Database, prunedMs: number): RollupMismatch | undefined {
  const segments = new SegmentCheck(db, prunedMs);
  const stretches = {
    coverage: new StretchCheck(db, "coverage", prunedMs),
    unobserved: new StretchCheck(db, "unobserved", prunedMs),
  };
  for (const window of storedWindows(db)) {
    for (const [i, { ownerId, sequence, labelId, timeMs, energyMj }] of window.slices.entries()) {
      const { gpuId, fromMs, toMs } = window;
      const run = { sequence, labelId, timeMs, energyMj, sliceCount: 1, fromMs, toMs };
      const wrong = segments.add({ ...run, gpuId, ownerId });
      if (wrong) return wrong;
      if (i === 0) stretches.coverage.add(gpuId, window, 0);
    }
    for (const { hour, ...part } of hourlyParts(window)) {
      const timeMs = unobservedIn(window, part);
      if (timeMs > 0 && part.toMs > prunedMs)
        stretches.unobserved.add(window.gpuId, part, timeMs, hour);
    }
  }
  return segments.rest() ?? stretches.coverage.rest() ?? stretches.unobserved.rest();
}

function unobservedIn(window: NumberedWindow, part: Window): number {
  const amounts = amountsWithin(window, window.slices, part);
  return window.slices.reduce(
    (sum, { isUnobserved }, i) => (isUnobserved ? sum + (amounts[i]?.timeMs ?? 0) : sum),
    0,
  );
}

const segmentRow = runRow.optional();

const SEGMENT = `
  SELECT gpu_id AS gpuId, owner_id AS ownerId, first_sequence AS sequence, label_id AS labelId,
    from_ms AS fromMs, to_ms AS toMs, time_ms AS timeMs, energy_mj AS energyMj,
    slice_count AS sliceCount
  FROM segments WHERE gpu_id = @gpuId AND owner_id = @ownerId`;

class SegmentCheck {
  private readonly open = new Map<string, Run>();
  private readonly stored;
  private readonly cut;
  private readonly count;
  private readonly prunedMs: number;
  private found = 0;

  constructor(db: Database, prunedMs: number) {
    this.prunedMs = prunedMs;
    this.stored = db.prepare(`${SEGMENT} AND first_sequence = @sequence`);
    this.cut = db.prepare(
      `${SEGMENT} AND first_sequence < @sequence AND from_ms < @prunedMs AND to_ms = @toMs
         AND label_id = @labelId AND (energy_mj IS NOT NULL) = @measured`,
    );
    this.count = db.prepare("SELECT count(*) FROM segments WHERE to_ms > ?").pluck();
  }

  add(slice: Run): RollupMismatch | undefined {
    const key = `${slice.gpuId} ${slice.ownerId}`;
    const run = this.open.get(key);
    if (run && continuesRun(run, slice)) {
      run.toMs = slice.toMs;
      run.timeMs += slice.timeMs;
      run.sliceCount += 1;
      if (run.energyMj !== undefined) run.energyMj += slice.energyMj ?? 0;
      return undefined;
    }
    this.open.set(key, { ...slice });
    return run && this.wrong(run);
  }

  rest(): RollupMismatch | undefined {
    for (const run of this.open.values()) {
      const wrong = this.wrong(run);
      if (wrong) return wrong;
    }
    const stored = z.int().parse(this.count.get(finite(this.prunedMs)));
    if (stored === this.found) return undefined;
    return { table: "segments", what: `${stored} are stored, ${this.found} are made of slices` };
  }

  private wrong(run: Run): RollupMismatch | undefined {
    if (run.toMs <= this.prunedMs) return undefined;
    this.found += 1;
    const { gpuId, ownerId, sequence, toMs, labelId } = run;
    const stored = segmentRow.parse(this.stored.get({ gpuId, ownerId, sequence }));
    if (stored && equal(stored, run)) return undefined;
    const prunedMs = finite(this.prunedMs);
    const measured = run.energyMj === undefined ? 0 : 1;
    const cut = { gpuId, ownerId, sequence, toMs, labelId, prunedMs, measured };
    if (Number.isFinite(this.prunedMs) && this.cut.get(cut)) return undefined;
    return { table: "segments", what: `the one that begins with slice ${sequence} differs` };
  }
}

/** Sums beyond what a number holds are compared as far as one goes. */
function equal(a: Run, b: Run): boolean {
  return (
    a.labelId === b.labelId &&
    a.fromMs === b.fromMs &&
    a.toMs === b.toMs &&
    a.timeMs === b.timeMs &&
    a.energyMj === b.energyMj &&
    a.sliceCount === b.sliceCount
  );
}

const finite = (prunedMs: number): number => Math.max(prunedMs, Number.MIN_SAFE_INTEGER);

interface Stretch extends Window {
  timeMs: number;
  hour: number;
}

/** Stretches are few: they are held in memory. */
class StretchCheck {
  private readonly made = new Map<number, Stretch[]>();
  private readonly db: Database;
  private readonly table: "coverage" | "unobserved";
  private readonly prunedMs: number;

  constructor(db: Database, table: "coverage" | "unobserved", prunedMs: number) {
    this.db = db;
    this.table = table;
    this.prunedMs = prunedMs;
  }

  add(gpuId: number, { fromMs, toMs }: Window, timeMs: number, hour = 0): void {
    const list = this.made.get(gpuId) ?? [];
    const last = list.at(-1);
    if (last && last.toMs === fromMs && last.hour === hour) {
      last.toMs = toMs;
      last.timeMs += timeMs;
    } else list.push({ fromMs, toMs, timeMs, hour });
    this.made.set(gpuId, list);
  }

  rest(): RollupMismatch | undefined {
    const time = this.table === "coverage" ? "0" : "time_ms";
    const rows = this.db
      .prepare<[number], [number, number, number, number]>(
        `SELECT gpu_id, from_ms, to_ms, ${time} FROM ${this.table} WHERE to_ms > ?
         ORDER BY gpu_id, from_ms`,
      )
      .raw()
      .all(finite(this.prunedMs));
    const stored = rows.map(([gpuId, fromMs, ...rest]) => this.text(gpuId, fromMs, ...rest));
    const made = [...this.made]
      .sort(([a], [b]) => a - b)
      .flatMap(([gpuId, list]) =>
        list
          .filter(({ toMs }) => toMs > this.prunedMs)
          .map(({ fromMs, toMs, timeMs }) => this.text(gpuId, fromMs, toMs, timeMs)),
      );
    const at = Math.max(stored.length, made.length);
    for (let i = 0; i < at; i++)
      if (stored[i] !== made[i])
        return {
          table: this.table,
          what: `${stored[i] ?? "nothing"} is stored, ${made[i] ?? "nothing"} is made of slices`,
        };
    return undefined;
  }

  private text(gpuId: number, fromMs: number, toMs: number, timeMs: number): string {
    const shown = Math.max(fromMs, finite(this.prunedMs));
    const unobserved = this.table === "unobserved" ? `, ${timeMs} ms unobserved` : "";
    return `device ${gpuId} from ${shown} to ${toMs}${unobserved}`;
  }
}
