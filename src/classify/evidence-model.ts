import { z } from "zod";
import { DECIDABLE_LABELS } from "../model/label.ts";
import { FEATURES } from "../model/signature.ts";

const weights = z.partialRecord(z.enum(DECIDABLE_LABELS), z.number().min(-6).max(6));

const bin = z.strictObject({
  /** The bin holds values below this and at or above the previous bin's; the last bin has none. */
  below: z.number().optional(),
  weights,
  reason: z.string().min(1),
});

const range = z.strictObject({ from: z.number(), to: z.number() });

const feature = z.strictObject({
  feature: z.enum(FEATURES),
  /** Lowest and highest value that a fitted model has seen; a model of physics alone has seen none. */
  seen: range.optional(),
  /** Plain words for the feature, used in evidence sentences. */
  says: z.string().min(1),
  /** Not weighed where one of these was measured, which tells the same better. */
  unless: z.array(z.enum(FEATURES)).optional(),
  bins: z.array(bin).min(1),
});

const share = z.number().min(0).max(1);

/** What a model was fitted on, and how well it did on workload families that it had not seen. */
const fitted = z.strictObject({
  recordings: z.array(
    z.strictObject({ file: z.string(), sha256: z.string(), families: z.array(z.string()) }),
  ),
  /** True where any of them was simulated: such a model is for tests and never ships. */
  simulated: z.boolean(),
  gpuSeconds: z.number().min(0),
  leaveOneFamilyOut: z.strictObject({
    accuracy: share,
    macroF1: share,
    unknown: share,
    falseMiningSeconds: z.number().min(0),
  }),
});

/** The evidence model as data: `data/evidence-model.json`. Weights are natural log-odds. */
export const evidenceModelSchema = z
  .strictObject({
    version: z.string().min(1),
    origin: z.string().min(1),
    activity: z.strictObject({
      idleBelowUtil: z.number().gt(0).lt(1),
      windowIdleBelowShare: z.number().gt(0).lt(1),
      reason: z.string(),
    }),
    prior: z.strictObject({ weights, reason: z.string() }),
    decision: z.strictObject({
      /** Groups of features of which something must have been measured. */
      minGroups: z.int().min(1),
      minConfidence: z.number().gt(0).lt(1),
      minMiningConfidence: z.number().gt(0).lt(1),
      /** Readings of work within the context, below which telemetry alone accuses nobody. */
      minMiningReadings: z.int().min(1),
      neighbourWeight: z.number().min(0).max(1),
      /** Divides the log-odds before they become probabilities: above 1 makes them less sure. */
      temperature: z.number().gt(0),
      /** Log-odds that the evidence for a label itself must reach: else it is the least bad of bad ones. */
      minSupport: z.number(),
      /** Features that may lie outside of what a fitted model has seen. */
      maxUnseenFeatures: z.int().min(0),
      reason: z.string(),
    }),
    features: z.array(feature).min(1),
    fitted: fitted.optional(),
  })
  .superRefine((model, context) => {
    for (const { feature: name, bins } of model.features) {
      const edges = bins.slice(0, -1).map((entry) => entry.below);
      const rising = edges.every(
        (edge, i) => edge !== undefined && edge > (edges[i - 1] ?? -Infinity),
      );
      if (!rising || bins.at(-1)?.below !== undefined)
        context.addIssue({ code: "custom", message: `bins of ${name} must rise and end open` });
    }
  });

export type EvidenceModel = z.infer<typeof evidenceModelSchema>;
