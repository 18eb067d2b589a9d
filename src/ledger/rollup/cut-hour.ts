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

/** What of a device's hour lies in a part of it. */
export interface HourPart {
  /** The part that the device was known in. */
  window: Window;
  rows: Sum[];
  /** Time of which no slice spoke. */
  unrecordedMs: number;
}

/**
 * Cuts an hour whose slices are gone as if it were one long window: its sums, and the time that no
 * slice spoke of, are thought to lie evenly over it. So its parts sum to it, and neighbouring reports
 * to the whole, though nobody knows any more where in the hour an owner's time was.
 * @returns undefined where the ledger has no sums of that hour
 */
export function cutHour(
  db: Database,
  hour: number,
  { gpuId, gpuUuid, knownFromMs }: DeviceStart,
  part: Window,
): HourPart | undefined {
  const rows = z.array(sumRow).parse(db.prepare(ROWS).all(hour, gpuId));
  const whole = intersect(hourWindow(hour), { fromMs: knownFromMs, toMs: Infinity });
  const window = whole && intersect(whole, part);
  if (rows.length === 0 || !window) return undefined;
  const restMs = windowLengthMs(whole) - rows.reduce((sum, row) => sum + row.timeMs, 0);
  if (restMs < 0) throw tooMuch(gpuUuid, whole, -restMs);
  const shares = [...rows.map(({ timeMs }) => ({ key: "", timeMs })), { key: "", timeMs: restMs }];
  const times = (atMs: number): number[] =>
    timeBefore(shares, windowLengthMs(whole), atMs - whole.fromMs);
  const [before, after] = [times(window.fromMs), times(window.toMs)];
  const at = (i: number): Cut => ({ beforeMs: before[i] ?? 0, afterMs: after[i] ?? 0 });
  const elapsed = { beforeMs: window.fromMs - whole.fromMs, afterMs: window.toMs - whole.fromMs };
  const { beforeMs, afterMs } = at(rows.length);
  return {
    window,
    rows: rows.map((row, i) =>
      row.timeMs > 0
        ? between(row, at(i), row.timeMs)
        : between(row, elapsed, windowLengthMs(whole)),
    ),
    unrecordedMs: afterMs - beforeMs,
  };
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
