import { type Window, windowLengthMs } from "../../model/window.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From Monday 1970-01-05 on: whole weeks begin on Mondays, whole days at midnight UTC. */
const ALIGNED_AT = 4 * DAY;

const BAR_STEPS = [SECOND, 10 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE]
  .concat([30 * MINUTE, HOUR, DAY, 7 * DAY, 28 * DAY, 364 * DAY, 3640 * DAY])
  .map((stepMs) => ({ stepMs, most: stepMs < DAY ? 48 : 62 }));

const CELL_STEPS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE]
  .concat([5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR])
  .concat([3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 364 * DAY]);

const MOST_COLUMNS = 144;
/** Of all rows together: what bounds the size of the page. */
const MOST_CELLS = 4608;

/** Length of a bar of the chart over time: hours for two days or less, then days, then weeks. */
export function barStepMs(window: Window): number {
  const lengthMs = windowLengthMs(window);
  const fits = BAR_STEPS.find(({ stepMs, most }) => lengthMs / stepMs <= most);
  return fits?.stepMs ?? lengthMs;
}

/** Length of a cell of the heat map: 144 columns at most, fewer where there are many devices. */
export function cellStepMs(window: Window, rows: number): number {
  const lengthMs = windowLengthMs(window);
  const most = Math.min(MOST_COLUMNS, Math.max(24, Math.floor(MOST_CELLS / Math.max(rows, 1))));
  return CELL_STEPS.find((stepMs) => lengthMs / stepMs <= most) ?? lengthMs;
}

/** The aligned steps of a window, the first and the last cut at its ends. */
export function stepsOf(window: Window, stepMs: number): Window[] {
  const out: Window[] = [];
  for (let fromMs = window.fromMs; fromMs < window.toMs;) {
    const next = ALIGNED_AT + (Math.floor((fromMs - ALIGNED_AT) / stepMs) + 1) * stepMs;
    const toMs = Math.min(next, window.toMs);
    out.push({ fromMs, toMs });
    fromMs = toMs;
  }
  return out;
}
