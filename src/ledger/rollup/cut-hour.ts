import type { Database } from "better-sqlite3";
import { z } from "zod";
import { AMOUNTS, noAmounts } from "../../model/amounts.ts";
import { proportion } from "../../model/cut.ts";
import { AssayError } from "../../model/errors.ts";
import { timeBefore } from "../../model/evenly.ts";
import { hourWindow } from "../../model/hour.ts";
import { type Window, intersect, windowLengthMs } from "../../model/window.ts";
import type { DeviceStart } from "./known-from.ts";
import { HOUR_COLUMNS } from "./slice-sql.ts";
import { type Sum, sumRow } from "./sums.ts";

const ROWS = `
  SELECT ${HOUR_COLUMNS} FROM hours WHERE hour = ? AND gpu_id = ?
  ORDER BY owner_id, label_id, simulated`;

const COVERED = `
  SELECT from_ms AS fromMs, to_ms AS toMs FROM coverage
  WHERE gpu_id = @gpuId AND from_ms < @toMs AND to_ms > @fromMs ORDER BY from_ms`;

const stretches = z.array(z.object({ fromMs: z.int(), toMs: z.int() }));

/** A device's hour whose slices are gone, ready to be cut. */
export interface PrunedHour {
  /** Where in the hour its sums lie, in order. */
  covered: readonly Window[];
  /** What of each sum lies in a part of the hour; a sum of which nothing does is left out. */
  rowsIn(part: Window): Sum[];
}

/**
 * An hour whose slices are gone: its sums are thought to lie evenly over the stretches that slices
 * spoke of, which are kept, and the rest of it stays without any. So its parts sum to it, neighbouring
 * reports to the whole, and a window that holds all that was recorded of the hour has all of its sums,
 * though nobody knows any more where in those stretches an owner's time was.
 *
 * Sums and stretches are of the same length in any ledger that verifies. Where they are not, the sums
 * and the time without any are thought to lie evenly over the whole hour: totals still are exact.
 * @returns undefined where the ledger has no sums of that hour
 */
export function prunedHour(
  db: Database,
  hour: number,
  { gpuId, gpuUuid, knownFromMs }: DeviceStart,
): PrunedHour | undefined {
  const rows = z.array(sumRow).parse(db.prepare(ROWS).all(hour, gpuId));
  const whole = intersect(hourWindow(hour), { fromMs: knownFromMs, toMs: Infinity });
  if (rows.length === 0 || !whole) return undefined;
  const recordedMs = rows.reduce((sum, row) => sum + row.timeMs, 0);
  const surplusMs = recordedMs - windowLengthMs(whole);
  if (surplusMs > 0) throw tooMuch(gpuUuid, whole, surplusMs);
  const stored = stretches
    .parse(db.prepare(COVERED).all({ gpuId, ...whole }))
    .flatMap((each) => intersect(each, whole) ?? []);
  const covered = recordedMs > 0 && lengthWithin(stored, whole) === recordedMs ? stored : [whole];
  return { covered, rowsIn: cutter(rows, covered, whole) };
}

function cutter(
  rows: readonly Sum[],
  covered: readonly Window[],
  whole: Window,
): PrunedHour["rowsIn"] {
  const wholeMs = lengthWithin(covered, whole);
  const restMs = wholeMs - rows.reduce((sum, row) => sum + row.timeMs, 0);
  const shares = [...rows.map(({ timeMs }) => ({ key: "", timeMs })), { key: "", timeMs: restMs }];
  return (part) => {
    const elapsedMs = (atMs: number): number =>
      lengthWithin(covered, { fromMs: whole.fromMs, toMs: atMs });
    const elapsed = { beforeMs: elapsedMs(part.fromMs), afterMs: elapsedMs(part.toMs) };
    const before = timeBefore(shares, wholeMs, elapsed.beforeMs);
    const after = timeBefore(shares, wholeMs, elapsed.afterMs);
    const parts = rows.map((row, i) =>
      row.timeMs > 0
        ? between(row, { beforeMs: before[i] ?? 0, afterMs: after[i] ?? 0 }, row.timeMs)
        : between(row, elapsed, wholeMs),
    );
    return parts.filter((row) => AMOUNTS.some((amount) => row[amount] !== 0));
  };
}

/** @param of stretches that do not overlap */
function lengthWithin(of: readonly Window[], window: Window): number {
  return of.reduce((sum, each) => {
    const part = intersect(each, window);
    return part ? sum + windowLengthMs(part) : sum;
  }, 0);
}

interface Cut {
  beforeMs: number;
  afterMs: number;
}

/** Every amount goes with the row's own time. */
function between(row: Sum, { beforeMs, afterMs }: Cut, wholeMs: number): Sum {
  const { gpuId, ownerId, labelId, simulated } = row;
  const part = { gpuId, ownerId, labelId, simulated, ...noAmounts() };
  for (const amount of AMOUNTS)
    part[amount] =
      proportion(row[amount], afterMs, wholeMs) - proportion(row[amount], beforeMs, wholeMs);
  return part;
}

function tooMuch(gpuUuid: string, { fromMs }: Window, surplusMs: number): AssayError {
  const place = `GPU ${gpuUuid}, hour from ${new Date(fromMs).toISOString()}`;
  return new AssayError(
    "report/unreconciled",
    `Sums of an hour claim ${surplusMs} ms more than it has.`,
    { place, hint: "check the ledger; report a window without the place named here meanwhile" },
  );
}
