import type { KernelJob } from "../protocol.ts";
import { POISON, wrongResult } from "./kernel.ts";

const CANARY_BYTES = 256;

/** The job with poison behind the buffers of `bindings`: whoever writes past their end shows. */
export function withCanary(job: KernelJob, bindings: readonly number[]): KernelJob {
  const buffers = job.buffers.map((buffer) =>
    bindings.includes(buffer.binding)
      ? { ...buffer, sizeBytes: buffer.sizeBytes + CANARY_BYTES, fill: POISON }
      : buffer,
  );
  return { ...job, buffers };
}

/**
 * The first bytes of a buffer, those that the kernel has to write. All others must still be poison.
 * @throws `probe/wrong-result` where they are not, or the buffer is smaller
 */
export function withoutCanary(kernel: string, bytes: Uint8Array, usedBytes: number): Uint8Array {
  if (bytes.length < usedBytes + CANARY_BYTES) throw wrongResult(kernel, "a buffer is too small");
  if (!bytes.subarray(usedBytes).every((byte) => byte === POISON))
    throw wrongResult(kernel, "something was written behind the last result");
  return bytes.subarray(0, usedBytes);
}

/** The same grid with more than one row, where it has more than one workgroup. */
export function inRows(job: KernelJob, width: number): KernelJob {
  const [x, y, z] = job.workgroups;
  const columns = Math.min(width, x);
  return { ...job, workgroups: [columns, Math.ceil((x * y * z) / columns), 1] };
}
