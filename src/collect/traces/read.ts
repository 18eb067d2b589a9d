import { open, stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { pipeline } from "node:stream";
import { notATrace, traceFault } from "./fault.ts";
import { type ReadTrace, readKineto, type TraceOptions } from "./kineto.ts";
import { readNsight } from "./nsight.ts";
import type { KernelTimeline } from "./timeline.ts";

const SQLITE = "SQLite format 3\0";
const HEAD_BYTES = 4096;

/**
 * Reads the kernels of a profiler's trace into the timeline; what it is of is told by its content.
 * @throws AssayError `trace/not-found`, `trace/format`, `trace/malformed`, `trace/no-kernels`
 */
export async function readTrace(
  file: string,
  timeline: KernelTimeline,
  options: TraceOptions,
): Promise<ReadTrace & { originMs: number }> {
  const { head, mtimeMs } = await beginningOf(file);
  const read = await readAs(file, head, timeline, options);
  const warnings = [...read.warnings];
  if (timeline.dropped > 0)
    warnings.push(`${timeline.dropped} kernels found no room and are left out`);
  if (timeline.size === 0 && !options.signal.aborted) throw noKernels(file, options);
  // A trace without a date of its own was made when its file was.
  const originMs = read.description.originMs ?? mtimeMs - timeline.endMs;
  return { description: read.description, warnings, originMs };
}

async function readAs(
  file: string,
  head: Buffer,
  timeline: KernelTimeline,
  options: TraceOptions,
): Promise<ReadTrace> {
  if (head.length === 0) throw notATrace(file, "the file is empty");
  if (head.toString("latin1", 0, SQLITE.length) === SQLITE)
    return readNsight(file, timeline, options);
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const text = (isGzip ? await unpackedBeginning(file) : head).toString("utf8");
  if (/^\u{feff}?\s*[[{]/u.test(text)) return readKineto(file, isGzip, timeline, options);
  const isReport = /\.(nsys-rep|qdrep)$/.test(file);
  const hint = isReport ? `export it first: nsys export --type sqlite ${file}` : undefined;
  throw notATrace(file, "it is neither JSON nor an SQLite database", hint);
}

function noKernels(file: string, { gpu, pid }: TraceOptions): Error {
  const of = [
    ...(gpu === undefined ? [] : [`GPU ${gpu}`]),
    ...(pid === undefined ? [] : [`process ${pid}`]),
  ];
  return traceFault(
    "trace/no-kernels",
    file,
    of.length > 0 ? `there is no kernel of ${of.join(" and ")} in it` : "there is no kernel in it",
    of.length > 0
      ? "leave out --gpu and --pid to take whatever is there"
      : "was the GPU traced? torch.profiler needs ProfilerActivity.CUDA, nsys --trace=cuda",
  );
}

async function beginningOf(file: string): Promise<{ head: Buffer; mtimeMs: number }> {
  try {
    const found = await stat(file);
    if (!found.isFile())
      throw traceFault("trace/not-found", file, "that is no file", "name the trace itself");
    const handle = await open(file, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
      return { head: head.subarray(0, bytesRead), mtimeMs: found.mtimeMs };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    const why = "code" in error ? String(error.code) : error.message;
    throw traceFault("trace/not-found", file, "the trace cannot be read", why);
  }
}

/** The first bytes of what is packed; empty where it is not gzip after all. */
async function unpackedBeginning(file: string): Promise<Buffer> {
  const raw = createReadStream(file);
  try {
    for await (const chunk of pipeline(raw, createGunzip(), () => undefined))
      if (Buffer.isBuffer(chunk)) return chunk.subarray(0, HEAD_BYTES);
  } catch {
    // What is damaged from the first byte on is no trace.
  } finally {
    raw.destroy();
  }
  return Buffer.alloc(0);
}
