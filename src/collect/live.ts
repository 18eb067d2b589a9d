import type { GapObservation, Observation, ObservationSource } from "../model/observation.ts";
import type { DeviceDirectory } from "./directory.ts";
import type { CollectorHarness } from "./harness.ts";
import type { TickReading } from "./harness-types.ts";
import { Schedule } from "./schedule.ts";

export interface LiveSourceSettings {
  harness: CollectorHarness;
  /** Milliseconds between ticks, where `rate` says nothing else. */
  intervalMs: number;
  /** Says after each tick how long it is to the next (Unix milliseconds in, milliseconds out). */
  rate?: { intervalMs(nowMs: number): number } | undefined;
  /** Makes one node of several collectors; without it each one's observations pass as they are. */
  directory?: DeviceDirectory | undefined;
  clock: LiveClock;
  /** Ends the source: it closes the harness and yields nothing more. */
  signal: AbortSignal;
}

export interface LiveClock {
  /** Unix milliseconds; it may step. */
  wallMs(): number;
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The wall clock stepped when it ran this much faster or slower than the monotonic one. */
const STEP_MS = 1000;
/** Part of the interval that a tick waits for the slowest collector. */
const TICK_SHARE = 0.8;

/** Where the clocks stood at a tick. */
interface Moment {
  wallMs: number;
  monotonicMs: number;
}

/**
 * What the collectors see, tick by tick, each tick ended by a `tick` observation.
 * Ticks keep to a fixed schedule of the monotonic clock, so they do not drift; those that could not
 * take place (a consumer or the machine was too slow) are skipped and counted as drops. A step of the
 * wall clock, or a time in which the process did not run, is a `gap` of the source `clock`.
 */
export async function* liveSource(settings: LiveSourceSettings): ObservationSource {
  const { harness, clock, signal } = settings;
  const schedule = new Schedule(clock.monotonicMs(), intervalAt(settings));
  let before: Moment | undefined;
  try {
    while (await sleepUntil(schedule.dueMs, clock, signal)) {
      const now = { wallMs: Math.round(clock.wallMs()), monotonicMs: clock.monotonicMs() };
      const missed = schedule.reach(now.monotonicMs);
      if (missed > 0) harness.countMissedTicks(missed);
      const { intervalMs } = schedule;
      const gap = before && clockGap(before, now, intervalMs);
      if (gap) yield gap;
      const seen = await unlessAborted(harness.tick(now.wallMs, TICK_SHARE * intervalMs), signal);
      for (const observation of seen ? merged(seen, now.wallMs, settings) : []) yield observation;
      if (signal.aborted) return;
      yield { kind: "tick", atMs: now.wallMs };
      before = now;
      // Only now: what the tick showed may be a reason for another rate.
      schedule.advance(intervalAt(settings), clock.monotonicMs());
    }
  } finally {
    await harness.close();
  }
}

function intervalAt({ rate, intervalMs, clock }: LiveSourceSettings): number {
  return rate?.intervalMs(clock.wallMs()) ?? intervalMs;
}

function merged(
  seen: readonly TickReading[],
  atMs: number,
  { directory }: LiveSourceSettings,
): readonly Observation[] {
  return directory ? directory.merge(seen, atMs) : seen.flatMap((each) => each.observations);
}

/** @returns false when aborted */
async function sleepUntil(atMs: number, clock: LiveClock, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    if (signal.aborted) return false;
    const restMs = atMs - clock.monotonicMs();
    if (restMs <= 0) return true;
    await clock.sleep(restMs, signal);
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (abort) signal.removeEventListener("abort", abort);
  }
}

/**
 * The stretch of wall-clock time that something is wrong with between two ticks: skipped or lived
 * twice where the clock stepped, unseen where the process did not run. Undefined where all is well.
 */
export function clockGap(
  before: { wallMs: number; monotonicMs: number },
  now: { wallMs: number; monotonicMs: number },
  intervalMs: number,
): GapObservation | undefined {
  const elapsedMs = Math.round(now.monotonicMs - before.monotonicMs);
  const expectedMs = before.wallMs + elapsedMs;
  const stepMs = now.wallMs - expectedMs;
  if (Math.abs(stepMs) > STEP_MS) {
    const step = `${Math.abs(stepMs)} ms`;
    return {
      kind: "gap",
      source: "clock",
      fromMs: Math.min(expectedMs, now.wallMs),
      toMs: Math.max(expectedMs, now.wallMs),
      reason:
        stepMs > 0
          ? `the wall clock was set ahead by ${step}`
          : `the wall clock was set back by ${step}: what is measured of this time again is not kept`,
    };
  }
  if (elapsedMs <= 2 * intervalMs + STEP_MS || now.wallMs <= before.wallMs) return undefined;
  const reason = `no tick for ${elapsedMs} ms: the agent did not run, or could not keep up`;
  return { kind: "gap", source: "clock", fromMs: before.wallMs, toMs: now.wallMs, reason };
}
