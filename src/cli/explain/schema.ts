import { z } from "zod";
import { DECIDABLE_LABELS, LABELS } from "../../model/label.ts";

/** The JSON that `assay explain --json` prints. Its texts are bounded and escaped. */

const label = z.enum(LABELS);
const numbers = z.object({
  "training-like": z.number(),
  "inference-like": z.number(),
  "mining-like": z.number(),
  other: z.number(),
});
const time = z.iso.datetime();
const ratio = z.number().min(0).max(1);
/** A reason by a stable name, and in words. */
const said = z.object({ code: z.string(), text: z.string() });

const evidenceItem = z.object({
  feature: z.string(),
  /** What was measured, in words. */
  name: z.string(),
  value: z.union([z.number(), z.string()]).optional(),
  /** The value for people. */
  shown: z.string(),
  /** The same in watts, gibibytes, megahertz, where that can be told. */
  ownUnits: z.string().optional(),
  /** What the model makes of it. */
  meaning: z.string(),
  /** Natural log-odds for each label; a label that is not named is not touched. */
  weights: z.partialRecord(z.enum(DECIDABLE_LABELS), z.number()),
  /** How many times as likely it makes the best label as the runner-up. */
  times: z.number(),
});

const sum = z.object({
  prior: numbers.optional(),
  for: numbers,
  against: numbers,
  host: numbers,
  declared: numbers,
  whole: z
    .object({
      own: numbers,
      pull: numbers,
      /** What the model's temperature takes from telemetry and start. */
      cooled: numbers,
      /** What programs declare, as far as it may move an accusation. */
      declared: numbers,
      counted: z.array(z.enum(["before", "after"])),
      total: numbers,
      temperature: z.number(),
      probabilities: numbers,
      alone: numbers,
      withoutSigns: numbers,
      agrees: z.boolean(),
    })
    .optional(),
});

const notMeasured = z.object({
  group: z.string(),
  feature: z.string(),
  name: z.string(),
  needs: z.string(),
  tells: z.string(),
  /** How it could have moved the best label against the runner-up; absent where the model has no weights for it. */
  couldMove: z.object({ least: z.number(), most: z.number() }).optional(),
});

const check = z.object({ ...said.shape, met: z.boolean() });

const neighbour = z.object({
  /** Windows from the one that is explained: -1 is the one before. */
  offset: z.int(),
  from: time,
  to: time,
  label: label.optional(),
  confidence: ratio.optional(),
  /** Why there is no label of this owner there. */
  absent: z.enum(["not-measured", "somebody-else"]).optional(),
});

const sign = z.object({
  kind: z.string(),
  text: z.string(),
  /** Whether it is one of those that confirm each other. */
  independent: z.boolean(),
  meaning: z.string(),
});

const hostFinding = z.object({
  feature: z.string(),
  pid: z.int().optional(),
  confirmed: z.boolean(),
  text: z.string(),
  signs: z.array(sign),
  weights: z.partialRecord(z.enum(DECIDABLE_LABELS), z.number()),
});

const subject = z.object({
  /** An owner's share, or all of the device's work together. */
  of: z.enum(["share", "device"]),
  owner: z.string().optional(),
  label,
  confidence: ratio,
  best: z.enum(DECIDABLE_LABELS).optional(),
  runnerUp: z.enum(DECIDABLE_LABELS).optional(),
  short: z.array(z.string()),
  caveats: z.array(said),
  evidence: z.array(
    z.object({ group: z.string(), title: z.string(), items: z.array(evidenceItem) }),
  ),
  host: z.array(hostFinding),
  /** What programs openly say they are. */
  declared: z.array(
    z.object({ text: z.string(), weights: z.partialRecord(z.enum(DECIDABLE_LABELS), z.number()) }),
  ),
  noted: z.array(said),
  sum: sum.optional(),
  notMeasured: z.array(notMeasured),
  rule: z.object({
    decided: said,
    checks: z.array(check),
    wouldSettle: z.array(z.string()),
  }),
  references: z
    .array(
      z.object({
        kernel: z.string(),
        family: z.string(),
        distance: z.number(),
        quantities: z.int(),
      }),
    )
    .optional(),
  neighbours: z.array(neighbour),
  smoothing: z.string(),
  notProven: z.array(z.string()),
});

const share = z.object({
  owner: z.string(),
  who: z.string(),
  timeMs: z.int(),
  energyMj: z.int().optional(),
  basis: z.string(),
  basisText: z.string(),
  label,
  confidence: ratio,
});

export const explanationSchema = z.object({
  kind: z.literal("explanation"),
  version: z.literal(1),
  source: z.object({ kind: z.enum(["recording", "ledger"]), path: z.string() }),
  simulated: z.boolean(),
  at: time,
  window: z.object({ from: time, to: time, lengthMs: z.int() }),
  node: z.string(),
  gpu: z.object({ index: z.int(), uuid: z.string(), model: z.string() }),
  /** The label of the device's window as a whole; a ledger keeps that of shares only. */
  device: z.object({ label, confidence: ratio, sampleCount: z.int() }).optional(),
  shares: z.array(share),
  subjects: z.array(subject),
  /** Shares that are not explained one by one, of too many. */
  leftOut: z.int(),
  model: z.object({
    version: z.string(),
    origin: z.string().optional(),
    /** Whether it is the one this program has, so that its sum can be made again. */
    known: z.boolean(),
  }),
  agentVersion: z.string(),
  check: z.object({ commands: z.array(z.string()), notes: z.array(z.string()) }),
});

export type Explanation = z.infer<typeof explanationSchema>;
export type Subject = z.infer<typeof subject>;
export type EvidenceItem = z.infer<typeof evidenceItem>;
export type EvidenceGroup = Subject["evidence"][number];
export type HostFinding = z.infer<typeof hostFinding>;
export type NotMeasured = z.infer<typeof notMeasured>;
export type Neighbour = z.infer<typeof neighbour>;
export type Check = z.infer<typeof check>;
export type Said = z.infer<typeof said>;
