import { AssayError } from "../model/errors.ts";
import type { Window } from "../model/window.ts";
import { type Rates, rateBounds } from "./rates.ts";
import type { GroupKey } from "./report-types.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Stretches a window is cut into at most: a leap year by the hour, and room for changes of prices. */
export const MAX_INTERVALS = 10_000;

/**
 * The window's ends and every instant in it at which a price changes or a day or an hour that is
 * grouped by begins, ascending.
 * @param knownMs when the first device was known: nothing is cut before
 * @throws AssayError report/window where that would be too many
 */
export function boundsOf(
  window: Window,
  rates: Rates | undefined,
  groupBy: readonly GroupKey[],
  knownMs: number,
): number[] {
  const step = groupBy.includes("hour") ? HOUR_MS : groupBy.includes("day") ? DAY_MS : undefined;
  const all = [window.fromMs, window.toMs, ...(rates ? rateBounds(rates) : [])];
  const firstMs =
    step === undefined ? 0 : Math.floor(Math.max(window.fromMs, knownMs) / step) * step;
  const count = step === undefined ? 0 : (window.toMs - firstMs) / step;
  if (count <= MAX_INTERVALS && step !== undefined)
    for (let atMs = firstMs; atMs < window.toMs; atMs += step) all.push(atMs);
  const inside = all.filter((atMs) => window.fromMs <= atMs && atMs <= window.toMs);
  const bounds = [...new Set(inside)].sort((a, b) => a - b);
  const intervals = Math.max(Math.ceil(count), bounds.length - 1);
  if (intervals <= MAX_INTERVALS) return bounds;
  throw new AssayError(
    "report/window",
    `The window would be cut into ${intervals} stretches; at most ${MAX_INTERVALS} are made.`,
    { hint: "report a shorter window, or group by day instead of hour" },
  );
}

/** The UTC day of an instant: `2026-03-02`. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** The UTC hour of an instant: `2026-03-02T11:00Z`. */
export function hourOf(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 13)}:00Z`;
}
