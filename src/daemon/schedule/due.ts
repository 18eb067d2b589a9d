import { Cron } from "croner";
import { DateTime } from "luxon";
import type { ScheduledReport } from "../../config/reports.ts";
import type { Window } from "../../model/window.ts";

const UNITS = {
  "previous-day": "day",
  "previous-week": "week",
  "previous-month": "month",
} as const satisfies Record<ScheduledReport["window"], string>;

/**
 * The newest time at or before `nowMs` at which a report was due; undefined where there was none.
 * A time that a daylight change leaves out is due when the clock goes on, one that comes twice once.
 */
export function newestDueMs(
  { cron, timeZone }: Pick<ScheduledReport, "cron" | "timeZone">,
  nowMs: number,
): number | undefined {
  const timer = new Cron(cron, { paused: true, timezone: timeZone });
  // What is due at this very moment is among those before the next second.
  const [newest] = timer.previousRuns(1, new Date(nowMs + 1000));
  const dueMs = newest?.getTime();
  if (dueMs !== undefined && dueMs <= nowMs) return dueMs;
  return timer.previousRuns(1, new Date(nowMs))[0]?.getTime();
}

/** The whole calendar day, week (from Monday) or month before a moment, in a zone: 23 hours at times. */
export function windowBefore(
  { window, timeZone }: Pick<ScheduledReport, "window" | "timeZone">,
  dueMs: number,
): Window {
  const unit = UNITS[window];
  const to = DateTime.fromMillis(dueMs, { zone: timeZone }).startOf(unit);
  const from = to.minus({ [unit]: 1 }).startOf(unit);
  return { fromMs: from.toMillis(), toMs: to.toMillis() };
}

/** `monthly-2026-10-01--2026-11-01`: names of one schedule sort like their windows. */
export function fileStem(
  { name, timeZone }: Pick<ScheduledReport, "name" | "timeZone">,
  { fromMs, toMs }: Window,
): string {
  const day = (atMs: number): string =>
    DateTime.fromMillis(atMs, { zone: timeZone }).toFormat("yyyy-MM-dd");
  return `${name}-${day(fromMs)}--${day(toMs)}`;
}
