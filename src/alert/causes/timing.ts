import type { RunContext } from "../../model/observation.ts";
import type { Onset } from "./onset.ts";
import { lengthText } from "./words.ts";

/** How well a context's time fits the beginning, and why. */
export interface Timing {
  /** 0..1. */
  score: number;
  reason: string;
}

/** A beginning this long before the onset counts half as much as one right before it. */
const HALF_LEAD_MS = 60_000;
/** What was on at the onset counts this much however long it had been on. */
const ACTIVE_FLOOR = 0.25;
/** A tool call that has returned may have left a program behind, but then less speaks for it. */
const ENDED_FACTOR = 0.6;
const HALF_GAP_MS = 30_000;
/** What began after the onset did not cause it, but for clocks that are further off than is known. */
const AFTER_SCORE = 0.2;
const HALF_AFTER_MS = 10_000;
/** A clock that had to be corrected is known to within this beside the rest. */
const SKEWED_TOLERANCE_MS = 5000;

/** A beginning that seems to come after counts as one so many times as long before. */
const LATE_COUNTS = 3;

/** The best that a context's time says, over all moments at which it may have begun. */
export function timingOf(context: RunContext, onsets: readonly Onset[]): Timing {
  let best: Timing = { score: 0, reason: "" };
  for (const onset of onsets) {
    const score = onset.sharpness * fit(context, onset);
    if (score > best.score) best = { score, reason: reasonOf(context, onset) };
  }
  return best;
}

function toleranceOf(context: RunContext, onset: Onset): number {
  return onset.toleranceMs + (context.skewMs === undefined ? 0 : SKEWED_TOLERANCE_MS);
}

function fit(context: RunContext, onset: Onset): number {
  const tolerance = toleranceOf(context, onset);
  const { atMs } = onset;
  const lateMs = context.fromMs - atMs - tolerance;
  if (lateMs > 0) return AFTER_SCORE / (1 + lateMs / HALF_AFTER_MS);
  // Within what the clocks are good for, what began before it still explains it better.
  const leadMs = Math.max(atMs - context.fromMs, LATE_COUNTS * (context.fromMs - atMs));
  const near = ACTIVE_FLOOR + (1 - ACTIVE_FLOOR) / (1 + leadMs / HALF_LEAD_MS);
  const gapMs = atMs - tolerance - (context.toMs ?? Number.POSITIVE_INFINITY);
  return gapMs <= 0 ? near : (ENDED_FACTOR * near) / (1 + gapMs / HALF_GAP_MS);
}

function reasonOf(context: RunContext, onset: Onset): string {
  const { fromMs, toMs } = context;
  const { atMs, what } = onset;
  const tolerance = toleranceOf(context, onset);
  const leadMs = atMs - fromMs;
  if (leadMs < -tolerance)
    return `It began ${lengthText(-leadMs)} after ${what}: it can hardly have caused that.`;
  const began =
    leadMs >= 0
      ? `It began ${lengthText(leadMs)} before ${what}`
      : `It began ${lengthText(-leadMs)} after ${what}, which is within what the clocks are good for`;
  if (toMs === undefined) return `${began}; nobody said that it had ended.`;
  if (toMs >= atMs) return `${began}, and was going on then.`;
  return `${began}, and had ended ${lengthText(atMs - toMs)} before that.`;
}
