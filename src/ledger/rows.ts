import { z } from "zod";
import { LABELS } from "../model/label.ts";
import { parseOwnerKey } from "../model/owner.ts";
import type { KnownGpu, OutboxEntry, StoredSlice, UsageRow } from "./contract.ts";

const flag = z.number().transform((value) => value === 1);
const optional = <T extends z.ZodType>(type: T) =>
  type.nullable().transform((value) => value ?? undefined);

const owner = z.string().transform((key, context) => {
  const parsed = parseOwnerKey(key);
  if (parsed) return parsed;
  context.addIssue({ code: "custom", message: `no owner: ${key}` });
  return z.NEVER;
});

const evidence = z.array(
  z.object({
    family: z.enum(["telemetry", "host", "context"]),
    feature: z.string(),
    value: z.union([z.number(), z.string()]).optional(),
    text: z.string(),
    weights: z.record(z.string(), z.number()),
  }),
);

const parsedJson = z.string().transform((text): unknown => JSON.parse(text));

const sliceRow = z.object({
  sequence: z.number(),
  node: z.string(),
  gpu_uuid: z.string(),
  from_ms: z.number(),
  to_ms: z.number(),
  owner_key: owner,
  time_ms: z.number(),
  energy_mj: optional(z.number()),
  basis: z.enum([
    "process-utilization",
    "sole-process",
    "memory-held",
    "equal-split",
    "no-process-source",
    "nobody-seen",
    "device",
    "no-sample",
  ]),
  label: z.enum(LABELS),
  confidence: z.number(),
  evidence: parsedJson.pipe(evidence),
  model_version: z.string(),
  agent_version: z.string(),
  simulated: flag,
});

export function toSlice(row: unknown): StoredSlice {
  const { gpu_uuid, from_ms, to_ms, owner_key, time_ms, energy_mj, ...rest } = sliceRow.parse(row);
  const { model_version, agent_version, ...same } = rest;
  return {
    ...same,
    gpuUuid: gpu_uuid,
    fromMs: from_ms,
    toMs: to_ms,
    owner: owner_key,
    timeMs: time_ms,
    energyMj: energy_mj,
    modelVersion: model_version,
    agentVersion: agent_version,
  };
}

const usageRow = z.object({
  gpuUuid: z.string(),
  ownerKey: z.string(),
  label: z.enum(LABELS),
  timeMs: z.number(),
  energyMj: z.number(),
  energyUnmeasuredMs: z.number(),
  sliceCount: z.number(),
  simulated: flag,
});

export const toUsage = (row: unknown): UsageRow => usageRow.parse(row);

const gpuRow = z.object({
  uuid: z.string(),
  node: z.string(),
  index: z.number(),
  model: z.string(),
  memoryTotalBytes: optional(z.number()),
  powerLimitWatts: optional(z.number()),
  pciBusId: optional(z.string()),
  driverVersion: optional(z.string()),
  parentUuid: optional(z.string()),
  migProfile: optional(z.string()),
  firstSeenMs: z.number(),
  simulated: flag,
});

export const toGpu = (row: unknown): KnownGpu => gpuRow.parse(row);

export const gapRow = z.object({
  node: z.string(),
  gpuUuid: optional(z.string()),
  source: z.string(),
  reason: z.string(),
  fromMs: z.number(),
  toMs: z.number(),
});

const outboxRow = z.object({
  id: z.string(),
  endpoint: z.string(),
  type: z.string(),
  body: z.string(),
  createdAtMs: z.number(),
  attempts: z.number(),
  nextAttemptAtMs: z.number(),
  state: z.enum(["due", "delivered", "dead"]),
  lastError: optional(z.string()),
});

export const toOutboxEntry = (row: unknown): OutboxEntry => outboxRow.parse(row);

const incidentSchema = z.object({
  id: z.string(),
  rule: z.string(),
  severity: z.enum(["notice", "warning", "critical"]),
  state: z.enum(["pending", "firing", "resolved"]),
  node: z.string(),
  gpuUuid: z.string().optional(),
  ownerKey: z.string().optional(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  firedAtMs: z.number().optional(),
  resolvedAtMs: z.number().optional(),
  title: z.string(),
  summary: z.string(),
  evidence,
  simulated: z.boolean(),
});

export const incidentBody = parsedJson.pipe(incidentSchema);

const readings = z.record(z.string(), z.number());

export const calibrationBody = parsedJson.pipe(
  z.object({
    gpuUuid: z.string(),
    adapter: z.string(),
    deviceMatch: z.enum(["pid-seen", "only-gpu", "name", "software"]),
    kernel: z.string(),
    atMs: z.number(),
    durationSeconds: z.number(),
    ratePerSecond: z.number(),
    unit: z.enum(["hash/s", "FLOP/s"]),
    rateSpread: z.number().optional(),
    timing: z.enum(["timestamp", "wall"]).optional(),
    software: z.boolean(),
    telemetry: readings,
    baseline: readings,
  }),
);
