import { counterDifference, energyOf } from "../model/energy.ts";
import type { GpuSample } from "../model/sample.ts";
import { intersect, type Window } from "../model/window.ts";

/** What the device itself says of a stretch: `unknown` where nothing measured its activity. */
export type Activity = "idle" | "busy" | "unknown";

/** The stretch one sample speaks for: it looks back, to the sample before it. */
export interface Interval extends Window {
  activity: Activity;
  energyMj: number | undefined;
  /** What of it the device would have drawn anyway; absent where that is not known. */
  idleEnergyMj?: number | undefined;
  sample: GpuSample;
}

export interface IntervalSettings {
  /** Nominal time between samples. */
  intervalMs: number;
  /** Two samples further apart than this leave a hole between them. */
  maxGapMs: number;
  /** Below this share of time with any kernel running, a device counts as idle. */
  idleBelowUtil: number;
}

/**
 * The interval that `sample` closes. Drivers report utilisation over the time before the reading,
 * so a sample explains the past; the very first one explains nothing.
 */
export function intervalOf(
  previous: GpuSample | undefined,
  sample: GpuSample,
  settings: IntervalSettings,
): Interval | undefined {
  if (!previous || sample.atMs <= previous.atMs) return undefined;
  const hole = sample.atMs - previous.atMs > settings.maxGapMs;
  const fromMs = hole ? sample.atMs - settings.intervalMs : previous.atMs;
  return {
    fromMs,
    toMs: sample.atMs,
    activity: activityOf(sample, settings.idleBelowUtil),
    energyMj: energyBetween(hole ? undefined : previous, sample, sample.atMs - fromMs),
    sample,
  };
}

/** Utilisation decides, else the SM counter: with neither, nothing is known of the activity. */
export function activityOf(sample: GpuSample, idleBelowUtil: number): Activity {
  const active = sample.gpuUtil ?? sample.smActive;
  if (active === undefined) return "unknown";
  return active < idleBelowUtil ? "idle" : "busy";
}

/** The counter's difference where there is one, else power held over the interval. */
function energyBetween(
  previous: GpuSample | undefined,
  sample: GpuSample,
  durationMs: number,
): number | undefined {
  if (previous?.energyJoules !== undefined && sample.energyJoules !== undefined) {
    const counted = counterDifference(previous.energyJoules, sample.energyJoules);
    if (counted !== undefined) return counted;
  }
  return sample.powerWatts === undefined ? undefined : energyOf(sample.powerWatts, durationMs);
}

/** The part of an interval inside `window`; the parts of neighbouring windows keep all its energy. */
export function clip(interval: Interval, window: Window): Interval | undefined {
  // Most lie inside as a whole: nothing is to be cut, and nothing to be made.
  if (interval.fromMs >= window.fromMs && interval.toMs <= window.toMs) return interval;
  const inside = intersect(interval, window);
  if (!inside) return undefined;
  const { energyMj, idleEnergyMj } = interval;
  if (energyMj === undefined) return { ...interval, ...inside };
  const length = interval.toMs - interval.fromMs;
  const upTo = (atMs: number): number => Math.round((energyMj * (atMs - interval.fromMs)) / length);
  const [before, after] = [upTo(inside.fromMs), upTo(inside.toMs)];
  const part = { ...interval, ...inside, energyMj: after - before };
  if (idleEnergyMj === undefined) return part;
  const idleUpTo = (mj: number): number => idleBefore(idleEnergyMj, mj, energyMj);
  return { ...part, idleEnergyMj: idleUpTo(after) - idleUpTo(before) };
}

/**
 * The idle part of the first `mj` of `energyMj`. It goes with the energy and not with the time, so that
 * no cut leaves a part with more idle energy than energy.
 */
export function idleBefore(idleMj: number, mj: number, energyMj: number): number {
  if (energyMj === 0) return 0;
  // Exact: as doubles the product may be rounded, and a millijoule gained.
  return Number((BigInt(idleMj) * BigInt(mj)) / BigInt(energyMj));
}
