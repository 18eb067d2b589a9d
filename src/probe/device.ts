import type { AdapterDescription, KernelJob, Launch, ProbePass, ProbeTiming } from "./protocol.ts";

/** Part of a buffer; both are multiples of 4. */
export interface ByteRange {
  offsetBytes: number;
  sizeBytes: number;
}

/** One WebGPU device, wherever it lives. Every call may throw `probe/refused` or `probe/crashed`. */
export interface ProbeDevice {
  readonly adapter: AdapterDescription;
  /** Of the process that holds the device: what NVML would list. */
  readonly pid: number;
  /** Compiles and allocates; the handle names the kernel from then on. */
  prepare(job: KernelJob): Promise<number>;
  /** Runs it `dispatches` times; `expectedSeconds` lets the device side sleep instead of spin. */
  launch(handle: number, dispatches: number, expectedSeconds: number): Promise<Launch>;
  /** Several short passes in one submission, each timed by itself. */
  probe(passes: readonly ProbePass[], expectedSeconds: number): Promise<ProbeTiming>;
  /** The bytes of one buffer, or of a part of it. */
  read(handle: number, binding: number, range?: ByteRange): Promise<Uint8Array>;
  release(handle: number): Promise<void>;
  /** Safe twice, and after a crash. */
  close(): Promise<void>;
}

/** One launch of `job`, and what it left in `bindings`, in that order. */
export async function runOnce(
  device: ProbeDevice,
  job: KernelJob,
  bindings: readonly number[],
): Promise<Uint8Array[]> {
  const handle = await device.prepare(job);
  await device.launch(handle, 1, 0);
  const contents: Uint8Array[] = [];
  for (const binding of bindings) contents.push(await device.read(handle, binding));
  await device.release(handle);
  return contents;
}
