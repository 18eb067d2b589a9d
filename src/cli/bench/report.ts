import { z } from "zod";
import { KERNEL_FAMILIES, RATE_UNITS, RESOURCES } from "../../model/calibration.ts";
import { type Roofline, rooflineOf } from "../../model/roofline.ts";
import { sanitize } from "../../model/text.ts";
import { adapterName } from "../../probe/device-process.ts";
import { AdapterDescription } from "../../probe/protocol.ts";
import { type Peaks, publicPeaks, shareOfPeaks } from "../../signature/public-peaks.ts";
import type { DeviceLimits } from "../../signature/scale.ts";
import type { BenchOutcome, BenchRun } from "./run.ts";

const resource = z.enum(RESOURCES);
const seconds = z.number().min(0);

const about = {
  kernel: z.string(),
  family: z.enum(KERNEL_FAMILIES),
  /** Of the rate: operations a second. */
  unit: z.enum(RATE_UNITS),
};

const Measured = z.strictObject({
  ...about,
  outcome: z.literal("measured"),
  /** Median of the launches, in `unit`. */
  ratePerSecond: z.number(),
  /** Interquartile range of the launches' rates over their median; absent below four launches. */
  rateSpread: z.number().optional(),
  /** The device's timestamps, or the host's clock, which adds the submission. */
  timing: z.enum(["timestamp", "wall"]).optional(),
  /** Tile shape and workgroup size, by the names in the shader. */
  variant: z.record(z.string(), z.number()),
  /** Of each resource, what one unit of the rate takes. */
  cost: z.partialRecord(resource, z.number()),
  /** The resource whose ceiling this rate is. */
  measures: resource.optional(),
  bound: z.strictObject({
    /** What the ceilings allow, in `unit`; absent where none of its resources' was measured. */
    attainablePerSecond: z.number().optional(),
    /** What allows least. */
    resource: resource.optional(),
    /** Rate over what is attainable; may exceed 1. */
    fraction: z.number().optional(),
    aboveCeiling: z.boolean(),
    /** The binding ceiling is this very rate. */
    isCeiling: z.boolean(),
    /** Resources that it takes and whose ceiling was not measured: one could bind tighter. */
    missing: z.array(resource),
  }),
  /** Of its model's data sheet: share of the peak of what it takes most of; absent if unknown. */
  shareOfDataSheet: z.number().optional(),
  operationsPerSecond: z.number().optional(),
  /** Of device memory. */
  operationsPerByte: z.number().optional(),
  rounds: z.int(),
  /** Of the measured rounds, by the host's clock. */
  seconds,
  /** Of everything that this kernel took of the device. */
  gpuSeconds: seconds,
});

const Unmeasured = z.discriminatedUnion("outcome", [
  z.strictObject({
    ...about,
    /** The adapter does not have what it needs. */
    outcome: z.literal("lacking"),
    reason: z.string(),
  }),
  z.strictObject({
    ...about,
    outcome: z.literal("failed"),
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
    }),
    gpuSeconds: seconds,
  }),
  z.strictObject({
    ...about,
    /** Not begun or not finished: it was stopped, or the device did not come back. */
    outcome: z.literal("skipped"),
    reason: z.string(),
  }),
]);

/** What `assay bench --json` prints. What was not measured is absent, never 0. */
export const BenchReport = z.strictObject({
  version: z.string(),
  /** Unix milliseconds: the beginning. */
  atMs: z.int(),
  durationSeconds: seconds,
  /** Ended on request, before everything was measured. */
  stopped: z.boolean(),
  /** A CPU plays GPU: these figures are no GPU's. */
  software: z.boolean(),
  /** As in the table. */
  adapterName: z.string(),
  adapter: AdapterDescription,
  ceilings: z.array(
    z.strictObject({ resource, perSecond: z.number().positive(), kernel: z.string() }),
  ),
  kernels: z.array(z.discriminatedUnion("outcome", [Measured, Unmeasured])),
});
export type BenchReport = z.infer<typeof BenchReport>;
export type ReportedKernel = BenchReport["kernels"][number];
export type ReportedRate = z.infer<typeof Measured>;

/**
 * A run as it is told: with ceilings, and each kernel's place below them.
 * @param limits data sheets, by the names that devices give themselves
 */
export function reportOf(
  run: BenchRun,
  version: string,
  atMs: number,
  limits: readonly DeviceLimits[] = [],
): BenchReport {
  const measured = run.outcomes.flatMap((outcome) =>
    outcome.kind === "measured" ? [ratedOf(outcome)] : [],
  );
  const { ceilings, kernels } = rooflineOf(measured);
  const { adapter, durationSeconds, stopped } = run;
  const peaks = adapter.software ? {} : publicPeaks(adapter.device, limits);
  return {
    version,
    atMs,
    durationSeconds,
    stopped,
    software: adapter.software,
    adapterName: adapterName(adapter),
    adapter,
    ceilings: [...ceilings],
    kernels: run.outcomes.map((outcome) => {
      const placed = kernels.find(({ measured: { kernel } }) => kernel === outcome.kernel.name);
      return placed && outcome.kind === "measured"
        ? measuredKernel(outcome, placed, peaks)
        : unmeasuredKernel(outcome);
    }),
  };
}

type MeasuredOutcome = Extract<BenchOutcome, { kind: "measured" }>;

function ratedOf({ kernel, summary }: MeasuredOutcome) {
  const { name, family, cost, measures, unit } = kernel;
  return { kernel: name, family, cost, measures, unit, ratePerSecond: summary.ratePerSecond };
}

function measuredKernel(
  outcome: MeasuredOutcome,
  { bound, operationsPerSecond, operationsPerByte }: Roofline["kernels"][number],
  peaks: Peaks,
): ReportedRate {
  const { build, summary, rounds, seconds: took, gpuSeconds } = outcome;
  return {
    outcome: "measured",
    ...ratedOf(outcome),
    family: outcome.kernel.family,
    cost: { ...outcome.kernel.cost },
    ...summary,
    variant: { ...build.variant },
    bound: { ...bound, missing: [...bound.missing] },
    shareOfDataSheet: shareOfPeaks(summary.ratePerSecond, outcome.kernel.cost, peaks),
    operationsPerSecond,
    operationsPerByte,
    rounds,
    seconds: took,
    gpuSeconds,
  };
}

function unmeasuredKernel(
  outcome: Exclude<BenchOutcome, { kind: "measured" }> | MeasuredOutcome,
): ReportedKernel {
  const { name: kernel, family, unit } = outcome.kernel;
  const head = { kernel, family, unit };
  switch (outcome.kind) {
    case "failed": {
      const { code, message, hint } = outcome.error;
      const { gpuSeconds } = outcome;
      return { ...head, outcome: "failed", error: { code, message, hint }, gpuSeconds };
    }
    case "lacking":
      return { ...head, outcome: "lacking", reason: outcome.reason };
    case "skipped":
      return { ...head, outcome: "skipped", reason: outcome.reason };
    case "measured":
      throw new RangeError(`${kernel} was measured but has no place`);
  }
}

/** The measured ones as a roofline again, for the picture. */
export function rooflineOfReport({ kernels }: BenchReport): Roofline {
  return rooflineOf(kernels.flatMap((each) => (each.outcome === "measured" ? [each] : [])));
}

const MAX_TEXT = 4096;

/** One JSON object, on several lines. Texts come from a driver. */
export function reportJson(report: BenchReport): string {
  return `${JSON.stringify(report, (_, value: unknown) => (typeof value === "string" ? sanitize(value, MAX_TEXT) : value), 2)}\n`;
}
