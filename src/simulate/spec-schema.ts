import { z } from "zod";
import { parseDuration, parseSize } from "../model/duration.ts";
import { GPU_QUANTITIES } from "../model/sample.ts";
import { instantMs } from "./instant.ts";
import { COUNTER_SETS } from "./sensors.ts";
import { SERVING } from "./workloads/inference.ts";
import { ALGORITHMS } from "./workloads/mining.ts";
import { OTHER_PROGRAMS } from "./workloads/other.ts";

/*
 * A specification as it is written. Durations become seconds and sizes bytes; what needs two
 * settings to be judged is in `spec-check.ts`.
 */

const DURATION = "must be a number with a unit, such as 500ms, 10s, 5m or 2h";
const SIZE = "must be a number with a unit, such as 512MiB or 58GiB";

/** Of any length: what the calendar allows is in `spec-check.ts`. */
const anySeconds = z.string(DURATION).transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && !Number.isNaN(ms)) return ms / 1000;
  context.addIssue(DURATION);
  return z.NEVER;
});
const MAX_SECONDS = 87_600 * 3600;
const seconds = anySeconds.refine(
  (value) => value <= MAX_SECONDS,
  "must be at most 87600h, which is 10 years",
);
const LONGER = "must be longer than 0";
const longer = seconds.refine((value) => value > 0, LONGER);
const bytes = z.string(SIZE).transform((text, context) => {
  const size = parseSize(text);
  if (size !== undefined && size <= Number.MAX_SAFE_INTEGER) return size;
  context.addIssue(size !== undefined && size > 0 ? "must be at most 8388607GiB" : SIZE);
  return z.NEVER;
});

const MAX_GPUS = 64;
const atMost = (most: number): string => `must be at most ${most}`;
/** Whole numbers that cannot be told apart any more are too large, not of the wrong type. */
const whole = (wrong: string) =>
  z.int({
    error: ({ code }) => (code === "too_big" ? atMost(Number.MAX_SAFE_INTEGER) : wrong),
  });
const atLeast0 = "must be 0 or more";
const index = whole("must be a GPU's index")
  .min(0, atLeast0)
  .max(MAX_GPUS - 1, atMost(MAX_GPUS - 1));
const positive = z.number("must be a number").positive("must be above 0");
const share = z.number("must be a number").min(0, "must be 0 to 1").max(1, "must be 0 to 1");
const noise = z
  .number("must be a number")
  .min(0)
  .max(0.2, "must be 0.2 at most: a share of what is read");
const count = whole("must be a whole number").min(1, "must be 1 or more");
const upTo = (most: number) => count.max(most, atMost(most));
const textUpTo = (longest: number, wrong = "must be text") =>
  z.string(wrong).max(longest, `must have at most ${longest} characters`);
const name = textUpTo(200).min(1, "must not be empty");
const gpuList = z
  .union(
    [z.literal("all"), z.array(index).min(1, "must name a GPU")],
    "must be a list of indices, or all",
  )
  .optional();
const instant = z
  .string("must be a time in UTC, such as 2026-01-05T09:00:00Z")
  .transform((text, context) => {
    const ms = instantMs(text);
    if (ms !== undefined) return ms;
    context.addIssue("must be a time in UTC, such as 2026-01-05T09:00:00Z");
    return z.NEVER;
  });

const span = { from: seconds.optional(), to: seconds.optional() };

const nodeSchema = z.strictObject({
  name: name.default("simulated-node"),
  start: instant.prefault("2026-01-05T09:00:00Z"),
  interval: longer.default(1),
  length: longer,
  /** How often processes are looked at; 0s for never. */
  processes: seconds.default(5),
  jitter: seconds.default(0.004),
  /** The moment in which everything is taken as constant: finer is truer and slower. */
  resolution: longer.default(0.01),
  seed: whole("must be a whole number")
    .min(0, atLeast0)
    .max(0xffffffff, atMost(0xffffffff))
    .default(1),
});

const sensorsSchema = z.strictObject({
  powerAverage: seconds.default(0.1),
  powerRefresh: seconds.default(0.1),
  utilWindow: longer.default(0.2),
  powerNoise: noise.default(0.004),
  counterNoise: noise.default(0.005),
});

const gpuSchema = z.strictObject({
  model: name,
  count: upTo(MAX_GPUS).default(1),
  uuid: z
    .string()
    .regex(/^GPU-[0-9a-f-]{8,50}$/, "must look like GPU-51000000-0000-4000-8000-000000000000")
    .optional(),
  counters: z.enum(COUNTER_SETS, `must be one of ${COUNTER_SETS.join(", ")}`).default("full"),
  /** Its processes work through an MPS server, which is in the lists too. */
  mps: z.boolean("must be true or false").default(false),
  powerLimitWatts: positive.optional(),
  sensors: sensorsSchema.prefault({}),
});

const rate = positive.max(1e6, "is in units of a data sheet: 1e12 operations, 1e9 bytes a second");

export const deviceSchema = z.strictObject({
  name: name,
  tensor16: rate,
  tensor8: rate,
  fp64: rate,
  fp32: rate,
  fp16: rate,
  int32: rate,
  memoryGBps: rate,
  pcieGBps: rate,
  nvlinkGBps: z.number("must be a number").min(0, atLeast0).max(1e6, atMost(1e6)).default(0),
  memory: bytes.refine((value) => value > 0, "must be more than 0"),
  powerLimitWatts: positive,
  restWatts: positive.optional(),
  contextWatts: z.number("must be a number").min(0).optional(),
  maxClockMHz: positive,
  minClockMHz: positive.optional(),
  idleClockMHz: positive.optional(),
  memoryClockMHz: positive,
});

const processFields = {
  pid: upTo(4_194_304).optional(),
  ppid: whole("must be a whole number").min(0, atLeast0).optional(),
  started: seconds.optional(),
  comm: textUpTo(200).optional(),
  exe: textUpTo(4096).optional(),
  argv: z.array(textUpTo(4096)).max(200, "must be at most 200 arguments").optional(),
  user: textUpTo(200).optional(),
  cgroup: textUpTo(4096).optional(),
  environ: z.record(z.string(), textUpTo(4096, "must be text; quote numbers")).optional(),
};

const dutySchema = z.union(
  [z.strictObject({ period: longer, share }), z.strictObject({ busy: longer, pause: longer })],
  "must be {period, share} or {busy, pause}",
);

const common = {
  name: name.optional(),
  gpus: gpuList,
  ...span,
  /** Device memory of each process; what such a workload needs by default. */
  memory: bytes.optional(),
  /** Until the first kernel: memory fills over PCIe. */
  startup: seconds.default(0),
  /** Before it ends: memory is held and nothing runs. */
  linger: seconds.default(0),
  /** No list of processes shows it; or the driver's does, and the host has no such process. */
  hidden: z.union([z.boolean(), z.literal("host")], "must be true, false or host").default(false),
  /** Lists tell what it uses of the device. */
  measured: z.boolean("must be true or false").default(true),
  duty: dutySchema.optional(),
  owner: z.strictObject(processFields).default({}),
  /** A window of kernel launches is written at every look at the processes. */
  launches: z.boolean("must be true or false").default(false),
};

const training = z.strictObject({
  kind: z.literal("training"),
  ...common,
  parameters: positive.default(1.3e9),
  precision: z.enum(["bf16", "fp32"], "must be bf16 or fp32").default("bf16"),
  step: longer.optional(),
  tokens: count.optional(),
  accumulate: upTo(1024).default(1),
  checkpoint: z.strictObject({ every: count, length: longer }).optional(),
  loader: z
    .strictObject({ gap: longer, every: count.default(1), bytes: bytes.default(64e6) })
    .optional(),
  offload: z.boolean("must be true or false").default(false),
});

const inference = z.strictObject({
  kind: z.literal("inference"),
  ...common,
  serving: z.enum(SERVING, `must be one of ${SERVING.join(", ")}`).default("decode"),
  parameters: positive.default(13e9),
  requestsPerSecond: positive.max(100_000, atMost(100_000)).default(1),
  promptTokens: count.default(512),
  outputTokens: count.default(200),
  maxBatch: upTo(1024).default(32),
  bursts: z.strictObject({ period: longer, quiet: share }).optional(),
});

const mining = z.strictObject({
  kind: z.literal("mining"),
  ...common,
  algorithm: z.enum(ALGORITHMS, `must be one of ${ALGORITHMS.join(", ")}`).default("compute"),
  table: bytes.default(4 * 2 ** 30),
  change: longer.default(60),
});

const other = z.strictObject({
  kind: z.literal("other"),
  ...common,
  program: z.enum(OTHER_PROGRAMS, `must be one of ${OTHER_PROGRAMS.join(", ")}`).default("solver"),
});

const idle = z.strictObject({ kind: z.literal("idle"), ...common });

export const WORKLOAD_KINDS = { training, inference, mining, other, idle } as const;

const workloadSchema = z.discriminatedUnion(
  "kind",
  [training, inference, mining, other, idle],
  `kind must be one of ${Object.keys(WORKLOAD_KINDS).join(", ")}`,
);

const hostSchema = z.strictObject({ ...processFields, pid: upTo(4_194_304), ...span });

const faultsSchema = z.strictObject({
  gaps: z
    .array(
      z.strictObject({
        gpu: index.optional(),
        from: seconds,
        to: seconds,
        reason: name.default("the sampler was stopped"),
      }),
    )
    .default([]),
  /** Share of the readings that are lost. */
  drops: share.default(0),
  stuck: z
    .array(
      z.strictObject({
        gpu: index,
        quantity: z.enum(GPU_QUANTITIES, "must be a quantity of the recording format"),
        value: z.number("must be a number").min(0).optional(),
        ...span,
      }),
    )
    .default([]),
  clockLimits: z
    .array(
      z.strictObject({
        gpu: index,
        maxMHz: positive,
        reason: z.enum(["user", "thermal"], "must be user or thermal").default("user"),
        ...span,
      }),
    )
    .default([]),
  timeSteps: z
    .array(z.strictObject({ at: seconds, by: anySeconds.refine((value) => value > 0, LONGER) }))
    .default([]),
});

export const specSchema = z.strictObject({
  node: nodeSchema,
  devices: z.record(z.string(), deviceSchema).default({}),
  gpus: z.array(gpuSchema).min(1, "must name a GPU"),
  workloads: z.array(workloadSchema).max(1000, "must be at most 1000 workloads").default([]),
  host: z.array(hostSchema).optional(),
  faults: faultsSchema.prefault({}),
});

export type Spec = z.output<typeof specSchema>;
export type WorkloadSpec = Spec["workloads"][number];
export type GpuSpec = Spec["gpus"][number];
export type HostSpec = NonNullable<Spec["host"]>[number];
export type OwnerSpec = WorkloadSpec["owner"];
