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

/** What a buffer holds before its canary. @throws `probe/wrong-result` where that was written to */
export function withoutCanary(kernel: string, bytes: Uint8Array): Uint8Array {
  const end = bytes.length - CANARY_BYTES;
  if (end < 0 || !bytes.subarray(end).every((byte) => byte === POISON))
    throw wrongResult(kernel, "something was written behind the end of a buffer");
  return bytes.subarray(0, end);
}

/** The same grid with more than one row, where it has more than one workgroup. */
export function inRows(job: KernelJob, width: number): KernelJob {
  const [x, y, z] = job.workgroups;
  const columns = Math.min(width, x);
  return { ...job, workgroups: [columns, Math.ceil((x * y * z) / columns), 1] };
}
