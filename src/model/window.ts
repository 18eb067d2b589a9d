/** A half-open stretch of wall-clock time [fromMs, toMs) in integer Unix milliseconds. */
export interface Window {
  fromMs: number;
  toMs: number;
}

export const DEFAULT_WINDOW_MS = 10_000;

/** The epoch-aligned window that holds `atMs`. */
export function windowAt(atMs: number, windowMs: number = DEFAULT_WINDOW_MS): Window {
  const fromMs = Math.floor(atMs / windowMs) * windowMs;
  return { fromMs, toMs: fromMs + windowMs };
}

export function windowLengthMs(window: Window): number {
  return window.toMs - window.fromMs;
}

/** The part of `a` that lies in `b`, or undefined where they do not overlap. */
export function intersect(a: Window, b: Window): Window | undefined {
  const fromMs = Math.max(a.fromMs, b.fromMs);
  const toMs = Math.min(a.toMs, b.toMs);
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

/** What was told within a window, of what speaks for the time before it: lists, traces, launches. */
export function toldWithin<T extends { readonly atMs: number }>(
  all: readonly T[],
  window: Window,
): T[] {
  return all.filter((each) => isToldWithin(each, window));
}

export function isToldWithin({ atMs }: { readonly atMs: number }, window: Window): boolean {
  return atMs > window.fromMs && atMs <= window.toMs;
}
