import { z } from "zod";

/**
 * What the daemon and the device child say to each other. Both sides parse what they receive:
 * the child holds a driver that may misbehave, and a wrong command must not reach the device.
 */

const count = z.number().int().min(1);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "not bytes");
const offset = z.number().int().min(0);

export const BufferSpec = z
  .object({
    binding: offset,
    kind: z.enum(["uniform", "read", "read-write"]),
    /** A multiple of 4. */
    sizeBytes: count.refine((size) => size % 4 === 0, "a buffer's size is a multiple of 4"),
    /** What the buffer starts with; bytes beyond it, or all, are `fill`. With neither, zeros that
     * cost no transfer: for tables that the device fills itself. */
    data: bytes.optional(),
    /** Each byte where `data` gives none: outputs are poisoned, so an unwritten one shows. */
    fill: z.number().int().min(0).max(255).optional(),
  })
  .strict()
  .refine((buffer) => (buffer.data?.byteLength ?? 0) <= buffer.sizeBytes, "data exceeds the size");
export type BufferSpec = z.infer<typeof BufferSpec>;

/** One compute pass: which code runs on how large a grid, and which of the job's buffers it sees. */
const passShape = {
  /** WGSL. */
  code: z.string().max(262_144),
  entryPoint: z.string().max(80),
  workgroups: z.tuple([count, count, count]),
  /** The bindings that the entry point uses; all of the job's buffers where absent. */
  bindings: z.array(offset).max(8).optional(),
};

/** What is done once, before the first launch: a table that the device itself computes. */
export const SetupStep = z
  .object({
    ...passShape,
    /** Written before the pass: where in a table the next part begins. */
    writes: z
      .array(z.object({ binding: offset, offsetBytes: offset, data: bytes }).strict())
      .max(8)
      .optional(),
  })
  .strict();
export type SetupStep = z.infer<typeof SetupStep>;

/** One kernel with its inputs, ready to be launched any number of times. */
export const KernelJob = z
  .object({
    label: z.string().max(80),
    ...passShape,
    buffers: z.array(BufferSpec).max(10),
    /** Each is waited for, so that no single submission keeps the device for long. */
    setup: z.array(SetupStep).max(4096).optional(),
  })
  .strict();
export type KernelJob = z.infer<typeof KernelJob>;

/** Of one probe: it looks at a device that belongs to somebody else. */
export const MAX_PROBE_PASSES = 8;
export const MAX_PROBE_DISPATCHES = 16;

/** One pass of a probe: a kernel that was prepared, run a few times. */
export const ProbePass = z
  .object({ handle: offset, dispatches: count.max(MAX_PROBE_DISPATCHES) })
  .strict();
export type ProbePass = z.infer<typeof ProbePass>;

export const Command = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("describe"), id: offset }).strict(),
  z.object({ kind: z.literal("prepare"), id: offset, job: KernelJob }).strict(),
  z
    .object({
      kind: z.literal("launch"),
      id: offset,
      handle: offset,
      dispatches: count,
      /** The child sleeps this long before it asks for the result: asking spins a core. */
      expectedSeconds: z.number().min(0).max(600),
    })
    .strict(),
  z
    .object({
      kind: z.literal("probe"),
      id: offset,
      /** All in one submission, each timed by itself. */
      passes: z.array(ProbePass).min(1).max(MAX_PROBE_PASSES),
      /** As of a launch; a probe is short. */
      expectedSeconds: z.number().min(0).max(60),
    })
    .strict(),
  z
    .object({
      kind: z.literal("read"),
      id: offset,
      handle: offset,
      binding: offset,
      /** Both multiples of 4; the whole buffer where absent. */
      range: z
        .object({ offsetBytes: offset.multipleOf(4), sizeBytes: count.multipleOf(4) })
        .strict()
        .optional(),
    })
    .strict(),
  z.object({ kind: z.literal("release"), id: offset, handle: offset }).strict(),
  z.object({ kind: z.literal("close"), id: offset }).strict(),
]);
export type Command = z.infer<typeof Command>;

const text = z.string().max(4096);

export const MatrixConfig = z
  .object({
    /** Of A and B, and of C and the result: f32, f16, u32, i32, u8, i8. */
    componentType: z.string().max(16),
    resultComponentType: z.string().max(16),
    m: count,
    n: count,
    k: count,
  })
  .strict();
export type MatrixConfig = z.infer<typeof MatrixConfig>;

export const AdapterDescription = z
  .object({
    vendor: text,
    architecture: text,
    device: text,
    description: text,
    isFallbackAdapter: z.boolean(),
    /** A CPU that plays GPU: never calibrated as if it were one. */
    software: z.boolean(),
    /** Whether launches are timed by the device itself. */
    timestamps: z.boolean(),
    features: z.array(text).max(256),
    /** WGSL language features that the library offers on this adapter. */
    languageFeatures: z.array(text).max(256),
    /** Invocations that run in step: smallest and largest; absent where the adapter does not say. */
    subgroupSizes: z.tuple([z.number(), z.number()]).optional(),
    /** Shapes of the tensor cores' products: m x k times k x n. */
    matrixConfigs: z.array(MatrixConfig).max(64),
    limits: z.record(z.string(), z.number()),
  })
  .strict();
export type AdapterDescription = z.infer<typeof AdapterDescription>;

export const Launch = z
  .object({
    /** Host clock from submission to the result: includes submission, queueing and waking up. */
    wallSeconds: z.number().min(0),
    /** By the device's timestamps; absent where it has none or they went backwards. */
    gpuSeconds: z.number().positive().optional(),
  })
  .strict();
export type Launch = z.infer<typeof Launch>;

/** By the device's timestamps, in seconds from the begin of the submission's first pass. */
export const PassTiming = z
  .object({ beginSeconds: z.number().min(0), endSeconds: z.number().min(0) })
  .strict()
  .refine(({ beginSeconds, endSeconds }) => endSeconds > beginSeconds, "ends before it begins");
export type PassTiming = z.infer<typeof PassTiming>;

export const ProbeTiming = z
  .object({
    /** Host clock from submission to the result: includes queueing and waking up. */
    wallSeconds: z.number().min(0),
    /** One for each pass, undefined where its stamps cannot be true; absent without timestamps. */
    passes: z
      .array(z.union([PassTiming, z.undefined()]))
      .max(MAX_PROBE_PASSES)
      .optional(),
  })
  .strict();
export type ProbeTiming = z.infer<typeof ProbeTiming>;

/** Why the child could not do what it was told. */
export const FailureReason = z.enum([
  /** The WebGPU library cannot be loaded on this system. */
  "library",
  /** The library is there, but no adapter. */
  "no-adapter",
  /** The device refused: compile, validation or memory error. */
  "refused",
  /** The device was lost: nothing more can be done with this child. */
  "device-lost",
]);
export type FailureReason = z.infer<typeof FailureReason>;

export const Reply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("described"), id: offset, adapter: AdapterDescription }).strict(),
  z.object({ kind: z.literal("prepared"), id: offset, handle: offset }).strict(),
  z.object({ kind: z.literal("launched"), id: offset, launch: Launch }).strict(),
  z.object({ kind: z.literal("probed"), id: offset, timing: ProbeTiming }).strict(),
  z.object({ kind: z.literal("bytes"), id: offset, bytes }).strict(),
  z.object({ kind: z.literal("released"), id: offset }).strict(),
  z.object({ kind: z.literal("closed"), id: offset }).strict(),
  z
    .object({ kind: z.literal("failed"), id: offset, reason: FailureReason, message: text })
    .strict(),
]);
export type Reply = z.infer<typeof Reply>;
