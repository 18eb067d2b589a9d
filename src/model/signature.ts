import type { KernelFamily } from "./calibration.ts";
import type { Window } from "./window.ts";

/**
 * Features of a window on a device-relative scale, by the kind of evidence they are. Each group can
 * be left out as a whole, to see what it adds. Ratios are 0..1 unless said otherwise. Intensities are
 * means over the busy samples of the window; what looks further back says so.
 *
 * - `stallShare`: of the context, the busy stretches in which kernels ran without any pause and drew
 *   next to no power: a wait that looks like work.
 * - `powerLevel`, `clockLevel`: 0 at the device's rest and 1 at its limit; 0..1 of its highest clock.
 * - `powerVariation`: standard deviation over mean of the busy samples; `plateauVariation` the same
 *   without the edges of bursts, so that work which comes and goes shows how even it is while it runs.
 * - `contextPowerVariation`: the same of means a second over {@link CONTEXT_MS}.
 * - `memPerUtil`: of the time in which any kernel ran, the share in which memory was in use.
 * - `memHeldVariation`: highest less lowest memory held over the context, as a share of the device's.
 * - `stepStrength`, `stepPeriodSeconds`: the highest autocorrelation of power over the context and
 *   the lag it is at, of work without rests; beyond what chance gives so many readings.
 * - `irregularVariation`: the part of that course's variation that repeats nothing.
 * - `burstsPerMinute`, `burstRegularity`: of work that rests in between, over the context: 1 where
 *   the beginnings of bursts are evenly spaced, 0 where they follow each other at random.
 * - `arithmeticActive`: sum over the kinds of arithmetic units; `floatShare`: of it, what is on fractions.
 * - `intShare`: `intActive` of `smActive`. `codecUtil`: the busiest of the codec engines.
 * - `pcieRhythm`: standard deviation over mean of what comes in.
 * - `lockstep`: highest correlation (-1..1) of power with another device of the node.
 * - `launchesPerSecond`, `launchVariety` (distinct kernels), `launchTopShare` (of the most frequent),
 *   `launchRegularity`: 1 where they come evenly, 0 where they vary by as much as their mean.
 * - `processCount`: processes that hold the device; `treeProcesses`: what they started, for each.
 * - `fine…`: of the driver's own buffer, which sees what one reading a second averages out.
 * - `powerVs…`: 0 at rest and 1 where this device's own reference kernel of that family took it;
 *   `near…`: distance to the nearest reference kernel of that family, 0 being equal. Calibrated devices alone.
 * - `probe…`: of the agent's own launches: a slow-down is 1 for a run that took what it takes on the
 *   idle device, and `probeClockLevel` is 1 at the idle device's best rate.
 */
export const FEATURE_GROUPS = {
  load: ["gpuUtil", "gpuUtilSpread", "zeroUtilShare", "smActive", "smOccupancy", "stallShare"],
  power: ["powerLevel", "powerVariation", "plateauVariation", "clockLevel"],
  memory: ["memUtil", "memPerUtil", "memUsedShare", "memHeldVariation", "dramActive"],
  links: ["pcieRxLevel", "pcieTxLevel", "pcieRhythm", "nvlinkLevel"],
  units: [
    "arithmeticActive",
    "floatShare",
    "tensorActive",
    "immaActive",
    "dfmaActive",
    "intActive",
    "intShare",
    "fp64Active",
    "fp32Active",
    "codecUtil",
  ],
  rhythm: [
    "contextPowerVariation",
    "stepStrength",
    "stepPeriodSeconds",
    "irregularVariation",
    "burstsPerMinute",
    "burstRegularity",
    "finePowerVariation",
    "fineGpuUtilSpread",
    "fineZeroUtilShare",
  ],
  peers: ["lockstep"],
  launches: ["launchesPerSecond", "launchVariety", "launchTopShare", "launchRegularity"],
  processes: ["processCount", "treeProcesses"],
  calibration: [
    "powerVsHash",
    "powerVsMatmul",
    "powerVsMemory",
    "nearHash",
    "nearMatmul",
    "nearMemory",
  ],
  probes: [
    "probeQueueSeconds",
    "probeQueueSpread",
    "probeGapShare",
    "probeSlowdownAlu",
    "probeSlowdownMemory",
    "probeSlowdownGather",
    "probeColdCost",
    "probeClockLevel",
  ],
} as const;

export type FeatureGroup = keyof typeof FEATURE_GROUPS;

/** How far back the context of a window reaches: some steps of a slow training, some duty cycles. */
export const CONTEXT_MS = 120_000;

const GROUP_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(FEATURE_GROUPS).flatMap(([group, features]) =>
    features.map((feature): [string, string] => [feature, group]),
  ),
);

/** The group of a feature by its name; undefined for what is none. */
export function featureGroup(name: string): string | undefined {
  return GROUP_OF.get(name);
}

export const FEATURES = Object.values(FEATURE_GROUPS).flat();

export type Feature = (typeof FEATURES)[number];

/** Where the power scale came from: this very device, its model's public limits, or nowhere. */
export type ScaleOrigin = "calibrated" | "public-limits" | "none";

/** How far a window is from one reference kernel on the device's own scale, 0 being equal. */
export interface ReferenceComparison {
  kernel: string;
  family: KernelFamily;
  distance: number;
  /** How many quantities both have. */
  quantities: number;
}

export interface Signature {
  gpuUuid: string;
  window: Window;
  /** A feature that could not be measured is absent, never 0. */
  features: { [K in Feature]?: number | undefined };
  scale: ScaleOrigin;
  /** Nearest first; absent for a device that was never calibrated, and where nothing was busy. */
  references?: readonly ReferenceComparison[] | undefined;
  sampleCount: number;
  /** Readings of work in the window's context, two minutes back. */
  workReadings: number;
  /** Power was read often enough to move, and never did: its sensor may be stuck, and others with it. */
  isStill: boolean;
  /** Milliseconds of the window that samples speak for. */
  coveredMs: number;
}
