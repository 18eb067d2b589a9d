import { z } from "zod";
import { PROBE_RESOURCES } from "../../model/observation.ts";

/*
 * Lines of recording format 1, after null fields were taken out. Units are the format's own:
 * seconds, bytes, watts, ratios. Unknown fields are allowed everywhere, and counted by the parser.
 */

const index = z.int().min(0);
const name = z.string().min(1);
const seconds = z.number().min(0);

export const gpuInfoSchema = z.object({
  index,
  uuid: name,
  model: z.string(),
  memoryTotalBytes: z.number().positive().optional(),
  powerLimitWatts: z.number().positive().optional(),
  pciBusId: z.string().optional(),
  driverVersion: z.string().optional(),
  parentUuid: z.string().optional(),
  migProfile: z.string().optional(),
  intervalSeconds: z.number().positive().optional(),
  measuredWith: z.record(z.string(), z.string()).optional(),
});

const milliseconds = z.number().min(0);

const overheadSchema = z.object({
  readings: index,
  meanMs: milliseconds,
  maxMs: milliseconds,
  cpuMs: milliseconds.optional(),
});

/** Shared by the header and by a later change of the node's devices. */
export const nodeSchema = z.object({
  kind: z.string(),
  version: z.unknown().optional(),
  t: z.number().optional(),
  node: name,
  source: name,
  simulated: z.boolean().optional(),
  intervalSeconds: z.number().positive(),
  gpus: z.array(gpuInfoSchema),
  overhead: overheadSchema.optional(),
});

const ancestorSchema = z.object({
  pid: index,
  startTime: z.number().optional(),
  comm: z.string().optional(),
  exe: z.string().optional(),
  title: z.string().optional(),
  user: z.string().optional(),
});

export const processSchema = z.object({
  pid: index,
  ppid: index.optional(),
  startTime: z.number().optional(),
  smUtil: z.number().optional(),
  memUtil: z.number().optional(),
  memUsedBytes: z.number().optional(),
  encUtil: z.number().optional(),
  decUtil: z.number().optional(),
  exited: z.boolean().optional(),
  unlisted: z.boolean().optional(),
  lineage: z.array(ancestorSchema).optional(),
  uid: index.optional(),
  loginUser: z.string().optional(),
  holdsDevice: z.boolean().optional(),
  mapped: z.array(z.string()).optional(),
  comm: z.string().optional(),
  exe: z.string().optional(),
  argv: z.array(z.string()).optional(),
  user: z.string().optional(),
  cgroup: z.string().optional(),
  environ: z.record(z.string(), z.string()).optional(),
});

export const processesSchema = z.object({
  kind: z.string(),
  t: z.number(),
  gpu: index,
  partial: z.boolean().optional(),
  list: z.array(processSchema),
});

// Tracers differ in what they can tell of a launch: what is not of this form counts as not told.
const dimensions = z.array(z.number().min(0)).max(3).optional().catch(undefined);

export const kernelLaunchesSchema = z.object({
  name: z.string().optional().catch(undefined),
  entry: z.string().optional().catch(undefined),
  count: z.number().min(0).optional().catch(undefined),
  grid: dimensions,
  block: dimensions,
  durationSeconds: seconds.optional().catch(undefined),
});

export const launchesSchema = z.object({
  kind: z.string(),
  t: z.number(),
  windowSeconds: z.number().positive().optional().catch(undefined),
  pid: index,
  list: z.array(kernelLaunchesSchema),
  rhythm: z
    .object({ bucketSeconds: z.number().positive(), counts: z.array(z.number().min(0)).max(1000) })
    .optional()
    .catch(undefined),
});

export const hostSchema = processesSchema.omit({ gpu: true, partial: true });

export const gapSchema = z.object({
  kind: z.string(),
  source: name,
  gpu: index.optional(),
  from: z.number(),
  to: z.number(),
  reason: z.string(),
});

export const probeSchema = z.object({
  kind: z.string(),
  t: z.number(),
  gpu: index,
  kernel: name,
  durationSeconds: seconds,
  queueSeconds: seconds.optional(),
  work: z.number().min(0),
  baselineSeconds: seconds.optional(),
  // What a later version may name more of counts as not told.
  resource: z.enum(PROBE_RESOURCES).optional().catch(undefined),
  timing: z.enum(["timestamp", "wall"]).optional().catch(undefined),
  wallSeconds: seconds.optional(),
  passes: index.optional(),
  gapSeconds: seconds.optional(),
  firstPassRatio: z.number().min(0).optional(),
  fastestPassSeconds: seconds.optional(),
  baselinePassSeconds: seconds.optional(),
  pid: index.optional(),
});

export const samplesSchema = z.object({
  kind: z.string(),
  t: z.number(),
  gpu: index,
  signal: name,
  unit: z.string(),
  from: z.number(),
  offsetsMs: z.array(milliseconds),
  values: z.array(z.number()),
});

export const healthSchema = z.object({
  kind: z.string(),
  t: z.number(),
  gpu: index,
  eccCorrected: z.number().optional(),
  eccUncorrected: z.number().optional(),
  pcieReplays: z.number().optional(),
  remappedRows: z.number().optional(),
  xids: z.array(z.number()).optional(),
});

export const collectorSchema = z.object({
  kind: z.string(),
  t: z.number(),
  name,
  state: name,
  detail: z.string(),
  readings: index,
  failures: index,
  drops: index,
  meanDurationMs: milliseconds.optional(),
  maxDurationMs: milliseconds.optional(),
});

export type RawAncestor = z.infer<typeof ancestorSchema>;
export type RawProcess = z.infer<typeof processSchema>;
