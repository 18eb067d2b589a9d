import type { Calibration } from "../../model/calibration.ts";
import { AssayError } from "../../model/errors.ts";
import type { ProbeDevice } from "../device.ts";
import type { KernelJob } from "../protocol.ts";

/** Uniform in [0, 1). */
export type Random = () => number;

/** How much work a dispatch has: a CPU that plays GPU is about a thousand times slower. */
export type Scale = "gpu" | "software";

/** A kernel with inputs to run again and again. */
export interface Workload {
  job: KernelJob;
  /** Hashes, or floating-point operations, of one dispatch. */
  workPerDispatch: number;
  /** Compares what the runs left in the buffers with the CPU. @throws `probe/wrong-result` */
  check(read: (binding: number) => Promise<Uint8Array>): Promise<void>;
}

/** A reference kernel: known work, known cost, and a CPU that can tell a wrong result. */
export interface Kernel {
  readonly name: string;
  readonly unit: Calibration["unit"];
  /** File name of its WGSL. */
  readonly shader: string;
  /** Runs small cases and compares every output. @throws `probe/wrong-result` */
  verify(device: ProbeDevice, code: string, random: Random): Promise<void>;
  workload(code: string, scale: Scale, random: Random): Workload;
}

/** Outputs start as this byte, which is a NaN as f32: what the kernel did not write shows. */
export const POISON = 0xff;

export function wrongResult(kernel: string, detail: string): AssayError {
  return new AssayError("probe/wrong-result", `${kernel}: ${detail}`, {
    hint: "nothing of this calibration was kept; a driver or the device computes wrongly",
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
