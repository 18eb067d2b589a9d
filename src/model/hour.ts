import type { Window } from "./window.ts";

export const HOUR_MS = 3_600_000;

/** Number of the UTC hour that holds `atMs`, counted from the epoch. */
export function hourAt(atMs: number): number {
  return Math.floor(atMs / HOUR_MS);
}

export function hourWindow(hour: number): Window {
  return { fromMs: hour * HOUR_MS, toMs: (hour + 1) * HOUR_MS };
}

/** The parts of a window hour by hour, in order. */
export function* hourlyParts({ fromMs, toMs }: Window): Generator<Window & { hour: number }> {
  for (let from = fromMs; from < toMs;) {
    const hour = hourAt(from);
    const to = Math.min(toMs, (hour + 1) * HOUR_MS);
    yield { hour, fromMs: from, toMs: to };
    from = to;
  }
}
