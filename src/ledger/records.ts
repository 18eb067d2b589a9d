import { z } from "zod";
import {
  type Calibration,
  DEVICE_MATCHES,
  KERNEL_FAMILIES,
  RATE_UNITS,
  RESOURCES,
} from "../model/calibration.ts";
import { type Evidence, EVIDENCE_FAMILIES } from "../model/evidence.ts";
import type { Incident } from "../model/incident.ts";
import { DECIDABLE_LABELS, LABELS } from "../model/label.ts";
import type { ShareBasis, Slice } from "../model/slice.ts";
import { actSchema } from "./acts.ts";
import { bounded } from "./bounded.ts";
import type { GapRecord, KnownGpu, LedgerBatch, OutboxMessage } from "./contract.ts";
import {
  causeSchema,
  contextObservationSchema,
  knownOwnerSchema,
  knownProcessSchema,
  ownerSchema,
  usageSchema,
} from "./who-records.ts";

/**
 * What the ledger accepts, and what it reads back. Types and ranges are law: a batch that breaks
 * them is rejected. Lengths are not: an observed process chooses some of these strings, and must not
 * get a window rejected by a long name, so they are cut ({@link bounded}).
 */
const MAX_NAME = 256;
const MAX_PROSE = 4096;
const MAX_REASONS = 64;
const MAX_BODY = 1024 ** 2;

const name = z.string().transform((value) => bounded(value, MAX_NAME));
const prose = z.string().transform((value) => bounded(value, MAX_PROSE));
const timeMs = z.int();
const amount = z.int().min(0);
const ratio = z.number().min(0).max(1);

/** A record, so that a basis added to the model is a type error here. */
const BASES: Record<ShareBasis, ShareBasis> = {
  "process-utilization": "process-utilization",
  "sole-process": "sole-process",
  "memory-held": "memory-held",
  "equal-split": "equal-split",
  "unmeasured-rest": "unmeasured-rest",
  "mps-utilization": "mps-utilization",
  "mps-memory-held": "mps-memory-held",
  "mps-equal-split": "mps-equal-split",
  "mps-server-only": "mps-server-only",
  "no-process-source": "no-process-source",
  "partial-list": "partial-list",
  "nobody-seen": "nobody-seen",
  "hidden-process": "hidden-process",
  device: "device",
  "own-measurement": "own-measurement",
  "no-sample": "no-sample",
};

export const labelSchema = z.enum(LABELS);
export const basisSchema = z.enum(BASES);

const oneReason: z.ZodType<Evidence> = z.object({
  family: z.enum(EVIDENCE_FAMILIES),
  feature: name,
  value: z.union([z.number(), prose]).optional(),
  text: prose,
  weights: z.partialRecord(z.enum(DECIDABLE_LABELS), z.number()),
});

export const evidenceSchema: z.ZodType<readonly Evidence[]> = z
  .array(oneReason)
  .transform((list) => {
    if (list.length <= MAX_REASONS) return list;
    const kept = list.slice(0, MAX_REASONS - 1);
    const value = list.length - kept.length;
    const text = `${value} more reasons were not kept`;
    return [...kept, { family: "context" as const, feature: "cut", value, text, weights: {} }];
  });

const window = { fromMs: timeMs, toMs: timeMs };

export const sliceSchema: z.ZodType<Slice> = z
  .object({
    ...window,
    node: name,
    gpuUuid: name,
    owner: ownerSchema,
    timeMs: amount,
    energyMj: amount.optional(),
    idleEnergyMj: amount.optional(),
    basis: basisSchema,
    label: labelSchema,
    confidence: ratio,
    evidence: evidenceSchema,
    modelVersion: name,
    agentVersion: name,
    simulated: z.boolean(),
  })
  .refine((slice) => slice.fromMs < slice.toMs, "a slice must end after it begins")
  .refine(
    ({ energyMj, idleEnergyMj }) => (idleEnergyMj ?? 0) <= (energyMj ?? 0),
    "the idle part of a slice's energy is no more than all of it",
  );

export const gpuSchema: z.ZodType<KnownGpu> = z.object({
  node: name,
  index: amount,
  uuid: name,
  model: name,
  memoryTotalBytes: amount.optional(),
  powerLimitWatts: z.number().optional(),
  pciBusId: name.optional(),
  driverVersion: name.optional(),
  parentUuid: name.optional(),
  migProfile: name.optional(),
  firstSeenMs: timeMs,
  simulated: z.boolean(),
});

export const gapSchema: z.ZodType<GapRecord> = z
  .object({ ...window, node: name, gpuUuid: name.optional(), source: name, reason: prose })
  .refine((gap) => gap.fromMs <= gap.toMs, "a gap must not end before it begins");

export const incidentSchema: z.ZodType<Incident> = z.object({
  id: name,
  rule: name,
  severity: z.enum(["notice", "warning", "critical"]),
  state: z.enum(["pending", "firing", "resolved"]),
  node: name,
  gpuUuid: name.optional(),
  ownerKey: prose.optional(),
  startedAtMs: timeMs,
  updatedAtMs: timeMs,
  firedAtMs: timeMs.optional(),
  resolvedAtMs: timeMs.optional(),
  title: prose,
  summary: prose,
  evidence: evidenceSchema,
  simulated: z.boolean(),
  causes: z.array(causeSchema).max(MAX_REASONS).optional(),
  usage: usageSchema.optional(),
  story: name.optional(),
});

/** Ids, endpoints and bodies are the daemon's own, and cut they would be others: they must fit. */
const outboxSchema: z.ZodType<OutboxMessage> = z.object({
  id: z.string().min(1).max(MAX_NAME),
  endpoint: z.string().max(MAX_PROSE),
  type: z.string().max(MAX_NAME),
  body: z.string().max(MAX_BODY),
  createdAtMs: timeMs,
});

const readings = z.record(z.string(), z.number());

export const calibrationSchema: z.ZodType<Calibration> = z.object({
  gpuUuid: name,
  adapter: name,
  deviceMatch: z.enum(DEVICE_MATCHES),
  kernel: name,
  family: z.enum(KERNEL_FAMILIES).optional(),
  cost: z.partialRecord(z.enum(RESOURCES), z.number()).optional(),
  measures: z.enum(RESOURCES).optional(),
  ceiling: z.object({ resource: z.enum(RESOURCES), fraction: z.number() }).optional(),
  variant: readings.optional(),
  joulesPerUnit: z.number().optional(),
  gpuSeconds: z.number().optional(),
  energyJoules: z.number().optional(),
  driverVersion: name.optional(),
  powerLimitWatts: z.number().optional(),
  atMs: z.number(),
  durationSeconds: z.number(),
  ratePerSecond: z.number(),
  unit: z.enum(RATE_UNITS),
  rateSpread: z.number().optional(),
  timing: z.enum(["timestamp", "wall"]).optional(),
  software: z.boolean(),
  telemetry: readings,
  baseline: readings,
});

export const batchSchema: z.ZodType<LedgerBatch> = z.object({
  gpus: z.array(gpuSchema).optional(),
  slices: z.array(sliceSchema).optional(),
  gaps: z.array(gapSchema).optional(),
  incidents: z.array(incidentSchema).optional(),
  owners: z.array(knownOwnerSchema).optional(),
  processes: z.array(knownProcessSchema).optional(),
  contexts: z.array(contextObservationSchema).optional(),
  outbox: z.array(outboxSchema).optional(),
  calibrations: z.array(calibrationSchema).optional(),
  acts: z.array(actSchema).optional(),
});
