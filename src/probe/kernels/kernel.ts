import type { Cost, KernelFamily, RateUnit, Resource } from "../../model/calibration.ts";
import { AssayError } from "../../model/errors.ts";
import type { ByteRange, ProbeDevice } from "../device.ts";
import type { AdapterDescription, BufferSpec, KernelJob } from "../protocol.ts";
import type { Build, Variant } from "./variant.ts";

/** Uniform in [0, 1). */
export type Random = () => number;

/**
 * How much work a dispatch has: `gpu` fills a large device for some milliseconds; `software` is for
 * a CPU that plays GPU, about a thousand times slower; `probe` takes a large device well under a
 * millisecond, for a look at a device that belongs to somebody else.
 */
export type Scale = "gpu" | "software" | "probe";

export interface WorkloadContext {
  build: Build;
  scale: Scale;
  adapter: AdapterDescription;
  random: Random;
}

/** Reads one of a job's buffers, or a part of it. */
export type ReadBuffer = (binding: number, range?: ByteRange) => Promise<Uint8Array>;

/** A kernel with inputs to run again and again. */
export interface Workload {
  job: KernelJob;
  /** In the kernel's unit, of one dispatch. */
  workPerDispatch: number;
  /** Compares what the runs left in the buffers with the CPU. @throws `probe/wrong-result` */
  check(read: ReadBuffer): Promise<void>;
}

/** A reference kernel: known work, known cost, and a CPU that can tell a wrong result. */
export interface Kernel {
  readonly name: string;
  readonly family: KernelFamily;
  readonly unit: RateUnit;
  /** One sentence: what work it stands for. */
  readonly purpose: string;
  /** File name of its WGSL. */
  readonly shader: string;
  /** Of one unit of work, counted in the shader: what its ceiling is computed from. */
  readonly cost: Cost;
  /** The resource that it uses alone and to the full, so that its rate is that one's ceiling. */
  readonly measures?: Resource | undefined;
  /** Why this adapter cannot run it, in words for people; undefined where it can. */
  lacks(adapter: AdapterDescription): string | undefined;
  /** Shapes worth trying on this adapter, the best guess first; at least one. */
  variants(adapter: AdapterDescription): readonly [Variant, ...Variant[]];
  /** Runs small cases and compares every output. @throws `probe/wrong-result` */
  verify(device: ProbeDevice, build: Build, random: Random): Promise<void>;
  workload(context: WorkloadContext): Workload;
}

/** Outputs start as this byte, which is a NaN as f32: what the kernel did not write shows. */
export const POISON = 0xff;

export function wrongResult(kernel: string, detail: string): AssayError {
  return new AssayError("probe/wrong-result", `${kernel}: ${detail}`, {
    hint: "nothing of this kernel was kept; a driver or the device computes wrongly",
  });
}

export function randomInt(random: Random, below: number): number {
  return Math.floor(random() * below);
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => randomInt(random, 256));
}

/** Bytes as 32-bit words of this machine, which is little-endian like every GPU. */
export function asWords(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

export function asFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

export function asBytes(view: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A shader's uniform block, word for word. */
export function uniformBlock(binding: number, words: Uint32Array): BufferSpec {
  return { binding, kind: "uniform", sizeBytes: words.byteLength, data: asBytes(words) };
}

const MAX_GRID_WIDTH = 32_768;

/** A grid of at least `groups` workgroups, numbered row by row; no side beyond the usual limit. */
export function gridOf(groups: number): KernelJob["workgroups"] {
  const width = Math.max(1, Math.min(groups, MAX_GRID_WIDTH));
  return [width, Math.max(1, Math.ceil(groups / width)), 1];
}
