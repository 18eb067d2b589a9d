import type { KernelFamily } from "./calibration.ts";
import type { Window } from "./window.ts";

/**
 * Features of a window on a device-relative scale. Ratios are 0..1 unless said otherwise:
 * `powerLevel` and `clockLevel` are 0 at the device's idle and 1 at its limit or reference;
 * `lockstep` is the highest correlation (-1..1) of power with another device of the node;
 * the `power…` ones with a family's name are 0 at rest and 1 where this device's own reference
 * kernel of that family took it, and exist for calibrated devices alone;
 * the `fine…` ones are of the driver's own buffer, which sees what one reading a second averages out;
 * the `probe…` ones are of the agent's own launches: a slow-down is 1 for a run that took what it
 * takes on the idle device, and `probeClockLevel` is 1 at the idle device's best rate.
 */
export const FEATURES = [
  "gpuUtil",
  "gpuUtilSpread",
  "zeroUtilShare",
  "powerLevel",
  "powerVariation",
  "memUtil",
  "memUsedShare",
  "clockLevel",
  "pcieRxLevel",
  "nvlinkLevel",
  "smActive",
  "smOccupancy",
  "tensorActive",
  "dramActive",
  "intActive",
  "fp64Active",
  "fp32Active",
  "lockstep",
  "finePowerVariation",
  "fineGpuUtilSpread",
  "fineZeroUtilShare",
  "powerVsHash",
  "powerVsMatmul",
  "powerVsMemory",
  "probeQueueSeconds",
  "probeQueueSpread",
  "probeGapShare",
  "probeSlowdownAlu",
  "probeSlowdownMemory",
  "probeSlowdownGather",
  "probeColdCost",
  "probeClockLevel",
] as const;

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
  /** Milliseconds of the window that samples speak for. */
  coveredMs: number;
}
