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
    /** What the buffer starts with; bytes beyond it, or all, are `fill`. */
    data: bytes.optional(),
    /** Each byte where `data` gives none: outputs are poisoned, so an unwritten one shows. */
    fill: z.number().int().min(0).max(255).optional(),
  })
  .strict()
  .refine((buffer) => (buffer.data?.byteLength ?? 0) <= buffer.sizeBytes, "data exceeds the size");
export type BufferSpec = z.infer<typeof BufferSpec>;

/** One kernel with its inputs, ready to be launched any number of times. */
export const KernelJob = z
  .object({
    label: z.string().max(80),
    /** WGSL. */
    code: z.string(),
    entryPoint: z.string().max(80),
    buffers: z.array(BufferSpec).max(8),
    workgroups: z.tuple([count, count, count]),
  })
  .strict();
export type KernelJob = z.infer<typeof KernelJob>;

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
  z.object({ kind: z.literal("read"), id: offset, handle: offset, binding: offset }).strict(),
  z.object({ kind: z.literal("release"), id: offset, handle: offset }).strict(),
  z.object({ kind: z.literal("close"), id: offset }).strict(),
]);
export type Command = z.infer<typeof Command>;

const text = z.string().max(4096);

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
  z.object({ kind: z.literal("bytes"), id: offset, bytes }).strict(),
  z.object({ kind: z.literal("released"), id: offset }).strict(),
  z.object({ kind: z.literal("closed"), id: offset }).strict(),
  z
    .object({ kind: z.literal("failed"), id: offset, reason: FailureReason, message: text })
    .strict(),
]);
export type Reply = z.infer<typeof Reply>;
