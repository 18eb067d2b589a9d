import type { Window } from "../../model/window.ts";

/** The steps of a window, in order; the last may be shorter. */
export function stepsOf({ fromMs, toMs }: Window, stepMs: number): Window[] {
  const count = Math.ceil((toMs - fromMs) / stepMs);
  return Array.from({ length: count }, (_, i) => ({
    fromMs: fromMs + i * stepMs,
    toMs: Math.min(fromMs + (i + 1) * stepMs, toMs),
  }));
}

/** Most steps one answer has: a month of hours, and some. */
export const MAX_STEPS = 1000;
