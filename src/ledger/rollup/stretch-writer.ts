import type { Database } from "better-sqlite3";
import { z } from "zod";
import { hourAt } from "../../model/hour.ts";
import type { Window } from "../../model/window.ts";

interface Stretch extends Window {
  /** Unobserved time that is not written yet; 0 of a covered stretch. */
  timeMs: number;
}

const newestRow = z
  .object({ fromMs: z.int(), toMs: z.int() })
  .transform((row): Stretch => ({ ...row, timeMs: 0 }));

/** Lets the newest stretch of each device grow, in a table of stretches by device and time. */
class StretchWriter {
  private readonly newest = new Map<number, Stretch>();
  private readonly changed = new Set<number>();
  private readonly find;
  private readonly write: (gpuId: number, stretch: Stretch) => void;
  private readonly joins: (last: Stretch, next: Window) => boolean;

  constructor(
    db: Database,
    table: "coverage" | "unobserved",
    write: (gpuId: number, stretch: Stretch) => void,
    joins: (last: Stretch, next: Window) => boolean,
  ) {
    this.write = write;
    this.joins = joins;
    this.find = db.prepare(
      `SELECT from_ms AS fromMs, to_ms AS toMs FROM ${table}
       WHERE gpu_id = ? ORDER BY from_ms DESC LIMIT 1`,
    );
  }

  add(gpuId: number, { fromMs, toMs }: Window, timeMs: number): void {
    const last = this.newest.get(gpuId) ?? newestRow.optional().parse(this.find.get(gpuId));
    if (last && this.joins(last, { fromMs, toMs })) {
      last.toMs = toMs;
      last.timeMs += timeMs;
      this.newest.set(gpuId, last);
    } else {
      if (last) this.settle(gpuId, last);
      this.newest.set(gpuId, { fromMs, toMs, timeMs });
    }
    this.changed.add(gpuId);
  }

  flush(): void {
    for (const [gpuId, stretch] of this.newest) this.settle(gpuId, stretch);
  }

  forget(): void {
    this.newest.clear();
    this.changed.clear();
  }

  private settle(gpuId: number, stretch: Stretch): void {
    if (!this.changed.delete(gpuId)) return;
    this.write(gpuId, stretch);
    stretch.timeMs = 0;
  }
}

/** Contiguous stretches of which slices speak. */
export function coverageWriter(db: Database): StretchWriter {
  const statement = db.prepare(`
    INSERT INTO coverage (gpu_id, from_ms, to_ms) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET to_ms = excluded.to_ms`);
  return new StretchWriter(
    db,
    "coverage",
    (gpuId, { fromMs, toMs }) => void statement.run(gpuId, fromMs, toMs),
    (last, next) => last.toMs === next.fromMs,
  );
}

/**
 * Contiguous windows with time that slices call unobserved, cut at UTC hours: what a bound needs to
 * know of a stretch that it cuts is then in the slices of one hour.
 */
export function unobservedWriter(db: Database): StretchWriter {
  const statement = db.prepare(`
    INSERT INTO unobserved (gpu_id, from_ms, to_ms, time_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET to_ms = excluded.to_ms, time_ms = time_ms + excluded.time_ms`);
  return new StretchWriter(
    db,
    "unobserved",
    (gpuId, { fromMs, toMs, timeMs }) => void statement.run(gpuId, fromMs, toMs, timeMs),
    (last, next) => last.toMs === next.fromMs && hourAt(last.fromMs) === hourAt(next.fromMs),
  );
}
