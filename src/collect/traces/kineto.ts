import { z } from "zod";
import { sanitize } from "../../model/text.ts";
import { notATrace } from "./fault.ts";
import { eachEvent } from "./json-events.ts";
import { type KernelTimeline, type TraceDescription, UNKNOWN_PID } from "./timeline.ts";

export interface TraceOptions {
  /** Of this device only. */
  gpu?: number | undefined;
  /** The process that the kernels are of, or of which alone they are read where a trace has several. */
  pid?: number | undefined;
  signal: AbortSignal;
}

export interface ReadTrace {
  description: TraceDescription;
  warnings: readonly string[];
}

/** A time in microseconds that is one of the years 2001 to 2096: older versions count from the epoch. */
const [MIN_EPOCH_US, MAX_EPOCH_US] = [1e15, 4e15];
/** Longest name that is kept of a kernel. */
const MAX_NAME = 1024;

const dimensions = z.array(z.number().min(0)).min(1).max(3).optional().catch(undefined);
const index = z.int().min(0);

const kernelEvent = z.object({
  name: z.string(),
  ts: z.coerce.number(),
  dur: z.coerce.number().min(0),
  pid: z.unknown(),
  args: z
    .object({ device: index.optional().catch(undefined), grid: dimensions, block: dimensions })
    .optional()
    .catch(undefined),
});

const deviceProperties = z.array(
  z.object({
    id: index,
    name: z.string().optional().catch(undefined),
    totalGlobalMem: z.number().positive().optional().catch(undefined),
  }),
);

/** Properties beside the events that say something of them all. */
const WANTED: ReadonlySet<string> = new Set(["baseTimeNanoseconds", "deviceProperties"]);

/** Categories of what a process does on the host: their pid is the process's own. */
const ON_HOST: ReadonlySet<unknown> = new Set([
  "cpu_op",
  "cuda_runtime",
  "cuda_driver",
  "python_function",
  "user_annotation",
]);

/**
 * Reads the kernels of a trace by PyTorch's profiler (Kineto), which is one JSON object with a list
 * of events, as a stream. Copies of memory are no kernels. What breaks off is read as far as it goes.
 * @throws AssayError `trace/malformed`, `trace/format`
 */
export async function readKineto(
  file: string,
  isGzip: boolean,
  timeline: KernelTimeline,
  options: TraceOptions,
): Promise<ReadTrace> {
  const reading = new KinetoReading(file, timeline, options);
  const isCut = await eachEvent({ file, isGzip, signal: options.signal }, WANTED, reading);
  return reading.finish(isCut);
}

class KinetoReading {
  readonly #file: string;
  readonly #timeline: KernelTimeline;
  readonly #options: TraceOptions;
  readonly #pids = new Map<number, number>();
  readonly #unread: string[] = [];
  #events = 0;
  #unreadCount = 0;
  #baseNs: number | undefined;
  #gpus: TraceDescription["gpus"] = new Map();
  #isEpoch: boolean | undefined;

  constructor(file: string, timeline: KernelTimeline, options: TraceOptions) {
    this.#file = file;
    this.#timeline = timeline;
    this.#options = options;
  }

  /** A value beside the list of events. */
  property(name: string, value: unknown): void {
    if (name === "baseTimeNanoseconds") {
      const base = z.coerce.number().positive().safeParse(value);
      if (base.success) this.#baseNs = base.data;
    }
    if (name !== "deviceProperties") return;
    const listed = deviceProperties.safeParse(value);
    if (!listed.success) return;
    this.#gpus = new Map(
      listed.data.map(({ id, name: model, totalGlobalMem }) => [
        id,
        { model: model && sanitize(model, 128), memoryTotalBytes: totalGlobalMem },
      ]),
    );
  }

  event(value: unknown): void {
    this.#events += 1;
    if (typeof value !== "object" || value === null || !("cat" in value)) return;
    const { cat } = value;
    if (ON_HOST.has(cat) && "pid" in value && typeof value.pid === "number") {
      this.#pids.set(value.pid, (this.#pids.get(value.pid) ?? 0) + 1);
      return;
    }
    if (typeof cat !== "string" || cat.toLowerCase() !== "kernel") return;
    const read = kernelEvent.safeParse(value);
    if (read.success) this.#kernel(read.data);
    else this.#skip(read.error.issues[0]);
  }

  finish(isCut: boolean): ReadTrace {
    const warnings: string[] = [];
    if (this.#events === 0)
      throw notATrace(this.#file, "the JSON holds no list of events (`traceEvents`)");
    if (isCut) warnings.push("the trace breaks off: it was read as far as it goes");
    if (this.#unreadCount > 0)
      warnings.push(`${this.#unreadCount} kernels could not be read (${this.#unread.join("; ")})`);
    if (this.#options.pid === undefined && this.#pids.size > 1)
      warnings.push(
        `several processes are in the trace: its kernels are taken to be of ${this.#pid()}`,
      );
    if (this.#pid() === UNKNOWN_PID)
      warnings.push("the trace does not say whose it is: its process is called 0 (see --pid)");
    const originMs = this.#originMs();
    if (originMs === undefined)
      warnings.push("the trace does not say when it was made: it is dated by the file's own time");
    const pid = this.#pid();
    const description = {
      source: "pytorch-profiler",
      node: "imported",
      gpus: this.#gpus,
      originMs,
      pid,
    };
    return { description, warnings };
  }

  /** Who did most on the host; the kernels' own `pid` is the number of a device. */
  #pid(): number {
    const sorted = [...this.#pids].sort((a, b) => b[1] - a[1]);
    return this.#options.pid ?? sorted[0]?.[0] ?? UNKNOWN_PID;
  }

  #originMs(): number | undefined {
    // Times that are of the epoch already need no base, whatever the file says beside them.
    if (this.#isEpoch) return 0;
    return this.#baseNs === undefined ? undefined : this.#baseNs / 1e6;
  }

  #kernel({ name, ts, dur, pid, args }: z.infer<typeof kernelEvent>): void {
    const gpu = args?.device ?? (typeof pid === "number" && index.safeParse(pid).success ? pid : 0);
    if (this.#options.gpu !== undefined && gpu !== this.#options.gpu) return;
    this.#isEpoch ??= ts >= MIN_EPOCH_US && ts < MAX_EPOCH_US;
    this.#timeline.add({
      gpu,
      // Only at the end it is known whose they are.
      pid: UNKNOWN_PID,
      startMs: ts / 1000,
      durationMs: dur / 1000,
      name: name.slice(0, MAX_NAME),
      grid: args?.grid,
      block: args?.block,
    });
  }

  #skip(issue: { path: PropertyKey[]; message: string } | undefined): void {
    this.#unreadCount += 1;
    if (this.#unread.length < 3 && issue)
      this.#unread.push(`${issue.path.map(String).join(".")}: ${issue.message}`);
  }
}
