import type { Window } from "../model/window.ts";

/** One launch of the agent's own on a device: what it was measured to take. May be fractions. */
export type OwnRun = Window;

/** What the agent itself took of a device. */
export interface OwnTime {
  /** In time order. */
  runs: readonly OwnRun[];
  /** Milliseconds of the runs before these. */
  beforeMs: number;
  /** Processes that hold the device for it: their time is that of the runs, and no more. */
  pids: ReadonlySet<number>;
}

export const NO_OWN_TIME: OwnTime = { runs: [], beforeMs: 0, pids: new Set() };

/**
 * Whole milliseconds of the window that the agent took. Launches take fractions of one: what is
 * rounded is the sum since the beginning, so that over any time no more than one is lost or won.
 */
export function ownMsIn(own: OwnTime, window: Window): number {
  const ms = Math.round(takenUntil(own, window.toMs)) - Math.round(takenUntil(own, window.fromMs));
  return Math.min(ms, window.toMs - window.fromMs);
}

function takenUntil({ beforeMs, runs }: OwnTime, atMs: number): number {
  return runs.reduce(
    (sum, { fromMs, toMs }) => sum + Math.max(0, Math.min(toMs, atMs) - fromMs),
    beforeMs,
  );
}

/** Drivers report use over their own last stretch of time: from a sixth of a second to a second. */
const SHORTEST_REPORT_MS = 1000 / 6;
const LONGEST_REPORT_MS = 1000;

/**
 * How much of the use that a device reports at `atMs` may be the agent's own, 0..1; 0 where it
 * launched nothing that could still show.
 */
export function ownUse(own: OwnTime, atMs: number): number {
  const fromMs = atMs - LONGEST_REPORT_MS;
  const taken = takenUntil(own, atMs) - takenUntil(own, fromMs);
  return Math.min(1, taken / SHORTEST_REPORT_MS);
}
