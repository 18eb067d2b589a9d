import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { GpuInfo, KernelLaunches, LaunchSample } from "../../model/sample.ts";

/** One kernel, or one graph of kernels, as a profiler saw it. Times in milliseconds of the trace's clock. */
export interface TracedKernel {
  gpu: number;
  pid: number;
  startMs: number;
  durationMs: number;
  name?: string | undefined;
  entry?: string | undefined;
  grid?: readonly number[] | undefined;
  block?: readonly number[] | undefined;
}

export interface TraceDescription {
  source: string;
  node: string;
  /** By device index; devices without one are called unknown. */
  gpus: ReadonlyMap<number, { model?: string | undefined; memoryTotalBytes?: number | undefined }>;
  /** Unix milliseconds of the trace's time 0; absent where it does not say. */
  originMs?: number | undefined;
  /** Whose the kernels are that name no process. */
  pid: number;
}

/** No process has this number: it stands for one that the trace does not name. */
export const UNKNOWN_PID = 0;

const STEP_MS = 1000;
const BUCKET_MS = 10;
const MAX_LISTED = 256;
/** What fits into memory without a thought: some 100 MiB of times. */
export const MAX_KERNELS = 5_000_000;
/** Kernels by name, shape, process and device. */
const MAX_KINDS = 200_000;
/** A damaged time must not make a recording of years. */
const MAX_STEPS = 7 * 86_400;

type Kind = Omit<TracedKernel, "startMs" | "durationMs">;

interface Row extends KernelLaunches {
  count: number;
  durationSeconds: number;
}

/** The kernels of a trace, in whatever order they come, and the recording that they make. */
export class KernelTimeline {
  readonly #kinds: Kind[] = [];
  readonly #kindByKey = new Map<string, number>();
  readonly #starts: number[] = [];
  readonly #durations: number[] = [];
  readonly #kindOf: number[] = [];
  /** Of each device, once all kernels are known. */
  readonly #pids = new Map<number, ReadonlySet<number>>();
  /** Kernels for which there was no room. */
  dropped = 0;
  /** What lies after the most that a recording is made of, in milliseconds; 0 where nothing does. */
  cutMs = 0;

  get size(): number {
    return this.#starts.length;
  }

  /** Where the last kernel ends, in milliseconds of the trace's clock. */
  get endMs(): number {
    let endMs = Number.NEGATIVE_INFINITY;
    for (const [i, startMs] of this.#starts.entries())
      endMs = Math.max(endMs, startMs + (this.#durations[i] ?? 0));
    return endMs;
  }

  /** @returns false for what is no stretch of time, or for which there is no room */
  add(kernel: TracedKernel): boolean {
    const { startMs, durationMs, ...kind } = kernel;
    if (!Number.isFinite(startMs) || !(durationMs >= 0)) return false;
    const id = this.size < MAX_KERNELS ? this.#kindId(kind) : undefined;
    if (id === undefined) {
      this.dropped += 1;
      return false;
    }
    this.#starts.push(startMs);
    this.#durations.push(durationMs);
    this.#kindOf.push(id);
    return true;
  }

  /**
   * What a recording holds: for every second from the first kernel to the last one's end the share
   * in which any kernel ran on each device, the processes, and their launches.
   * @param originMs Unix milliseconds of the trace's time 0
   */
  *observations(description: TraceDescription, originMs: number): Generator<Observation> {
    for (const kind of this.#kinds) if (kind.pid === UNKNOWN_PID) kind.pid = description.pid;
    const order = this.#starts.map((_, i) => i).sort((a, b) => this.#start(a) - this.#start(b));
    const firstMs = this.#start(order[0] ?? 0);
    const gpus = [...new Set(this.#kindOf.map((id) => this.#kinds[id]?.gpu ?? 0))].sort(
      (a, b) => a - b,
    );
    const wholeMs = this.endMs;
    const endMs = Math.min(wholeMs, firstMs + MAX_STEPS * STEP_MS);
    this.cutMs = wholeMs - endMs;
    const at = (ms: number): number => Math.round(originMs + ms);
    yield nodeOf(description, gpus, at(firstMs));
    // A sample explains the time before it: this one opens the first stretch.
    for (const gpu of gpus) yield { kind: "gpu", atMs: at(firstMs), gpu };
    const busy = new Map(gpus.map((gpu) => [gpu, new BusyTime()]));
    let next = 0;
    for (let fromMs = firstMs; fromMs < endMs; fromMs += STEP_MS) {
      const toMs = Math.min(fromMs + STEP_MS, endMs);
      const begun: number[] = [];
      for (let i = order[next]; i !== undefined && this.#start(i) < toMs; i = order[next]) {
        begun.push(i);
        busy
          .get(this.#kind(i).gpu)
          ?.add(this.#start(i), this.#start(i) + (this.#durations[i] ?? 0));
        next += 1;
      }
      yield* this.#step(begun, busy, { fromMs, toMs, atMs: Math.max(at(toMs), at(fromMs) + 1) });
    }
  }

  *#step(
    begun: readonly number[],
    busy: ReadonlyMap<number, BusyTime>,
    { fromMs, toMs, atMs }: { fromMs: number; toMs: number; atMs: number },
  ): Generator<Observation> {
    for (const [gpu, time] of busy) {
      const gpuUtil = Math.min(1, time.takeUntil(toMs) / (toMs - fromMs));
      yield { kind: "gpu", atMs, gpu, gpuUtil };
      const list = [...this.#pidsOn(gpu)].map((pid) => ({ pid }));
      yield { kind: "processes", atMs, gpu, list };
    }
    for (const pid of new Set(begun.map((i) => this.#kind(i).pid)))
      yield this.#launches(pid, begun, { fromMs, toMs, atMs });
  }

  #launches(
    pid: number,
    begun: readonly number[],
    { fromMs, toMs, atMs }: { fromMs: number; toMs: number; atMs: number },
  ): LaunchSample {
    const rows = new Map<string, Row>();
    const length = Math.max(1, Math.floor((toMs - fromMs) / BUCKET_MS));
    const counts = Array.from({ length }, () => 0);
    for (const i of begun) {
      const kind = this.#kind(i);
      if (kind.pid !== pid) continue;
      const bucket = Math.min(Math.floor((this.#start(i) - fromMs) / BUCKET_MS), counts.length - 1);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      const { name, entry, grid, block } = kind;
      const key = JSON.stringify([name, entry, grid, block]);
      const row = rows.get(key) ?? { name, entry, grid, block, count: 0, durationSeconds: 0 };
      row.count += 1;
      row.durationSeconds += (this.#durations[i] ?? 0) / 1000;
      rows.set(key, row);
    }
    const sorted = [...rows.values()].sort((a, b) => b.count - a.count);
    const rest = sorted.slice(MAX_LISTED);
    const list: KernelLaunches[] = sorted.slice(0, MAX_LISTED);
    if (rest.length > 0)
      list.push({
        count: rest.reduce((sum, { count }) => sum + count, 0),
        durationSeconds: rest.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0),
      });
    const rhythm = { bucketSeconds: BUCKET_MS / 1000, counts };
    return { kind: "launches", atMs, windowSeconds: (toMs - fromMs) / 1000, pid, list, rhythm };
  }

  #pidsOn(gpu: number): ReadonlySet<number> {
    const known = this.#pids.get(gpu);
    if (known) return known;
    const pids = new Set(this.#kinds.filter((kind) => kind.gpu === gpu).map(({ pid }) => pid));
    this.#pids.set(gpu, pids);
    return pids;
  }

  #start(i: number): number {
    return this.#starts[i] ?? 0;
  }

  #kind(i: number): Kind {
    return this.#kinds[this.#kindOf[i] ?? 0] ?? { gpu: 0, pid: 0 };
  }

  #kindId(kind: Kind): number | undefined {
    const key = JSON.stringify([kind.gpu, kind.pid, kind.name, kind.entry, kind.grid, kind.block]);
    const known = this.#kindByKey.get(key);
    if (known !== undefined) return known;
    if (this.#kinds.length >= MAX_KINDS) return undefined;
    this.#kindByKey.set(key, this.#kinds.length);
    return this.#kinds.push(kind) - 1;
  }
}

/** The time in which at least one of overlapping stretches lasts; they are added by their beginnings. */
class BusyTime {
  #fromMs = 0;
  #untilMs = Number.NEGATIVE_INFINITY;
  #sumMs = 0;

  add(fromMs: number, untilMs: number): void {
    if (fromMs <= this.#untilMs) {
      this.#untilMs = Math.max(this.#untilMs, untilMs);
      return;
    }
    this.#close(this.#untilMs);
    [this.#fromMs, this.#untilMs] = [fromMs, untilMs];
  }

  /** Milliseconds since it was asked last; what lasts longer counts on. */
  takeUntil(toMs: number): number {
    this.#close(Math.min(toMs, this.#untilMs));
    this.#fromMs = Math.max(this.#fromMs, toMs);
    const sumMs = this.#sumMs;
    this.#sumMs = 0;
    return sumMs;
  }

  #close(untilMs: number): void {
    this.#sumMs += Math.max(0, untilMs - this.#fromMs);
  }
}

function nodeOf(
  { source, node, gpus: known }: TraceDescription,
  gpus: readonly number[],
  atMs: number,
): NodeObservation {
  const described = gpus.map((index): GpuInfo => {
    const { model = "unknown GPU", memoryTotalBytes } = known.get(index) ?? {};
    const uuid = `imported-gpu${index}`;
    return { index, uuid, model, ...(memoryTotalBytes !== undefined && { memoryTotalBytes }) };
  });
  return {
    kind: "node",
    atMs,
    node,
    source,
    simulated: false,
    intervalMs: STEP_MS,
    gpus: described,
  };
}
