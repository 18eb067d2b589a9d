import { AssayError } from "../model/errors.ts";
import type { GpuInfo } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { ProbeDevice } from "./device.ts";

/**
 * `ready`: a confirmed device is held. `absent`: there is no adapter for it, which is normal.
 * `backing-off`: it broke and is tried again by itself. `failing`: something to mend; it is tried
 * again, but rarely.
 */
export type ProbeStatus = "ready" | "absent" | "failing" | "backing-off";

export interface ProbeState {
  gpuUuid: GpuInfo["uuid"];
  status: ProbeStatus;
  /** Safe to print; absent when ready. */
  reason?: string | undefined;
  /** Devices opened after the first one, since the daemon started. */
  restarts: number;
  /** Monotonic milliseconds before which nothing is tried; absent when ready. */
  nextTryMs?: number | undefined;
}

export interface OpenRequest {
  gpuUuid: GpuInfo["uuid"];
  /** To be told as soon as there is a process: it is on the GPU before it is confirmed. */
  started: (pid: number) => void;
  /** Aborted when the supervisor closes. */
  signal: AbortSignal;
}

export interface SupervisorOptions {
  /** Opens a device confirmed to be on the GPU. @throws AssayError why not */
  open(request: OpenRequest): Promise<ProbeDevice>;
  monotonicMs(): number;
  /** Uniform in [0, 1): spreads the tries of a whole cluster. */
  random(): number;
  firstWaitMs?: number | undefined;
  longestWaitMs?: number | undefined;
  /** How long a device must have served for a failure to count as its first. */
  steadyMs?: number | undefined;
}

/**
 * The daemon's devices: one confirmed device for each GPU, opened when first asked for, opened again
 * after a crash but not at once, and never two at a time, since one that is being confirmed takes
 * memory to be recognised by.
 */
export interface ProbeSupervisor {
  /**
   * The GPU's device, opened where need be; undefined where there is none now, see `states`.
   * Never throws an AssayError. The device stays the supervisor's: do not close it.
   */
  acquire(gpuUuid: string): Promise<ProbeDevice | undefined>;
  /** To be told of every error that a device's call threw. One that was refused is kept. */
  failed(gpuUuid: string, error: unknown): Promise<void>;
  /** Device processes that live, are being confirmed, or ended so lately that lists may have them. */
  pids(): ReadonlySet<number>;
  /** Of the GPUs that were asked for, in that order. */
  states(): readonly ProbeState[];
  /** Ends every device process. Nothing is opened afterwards. */
  close(): Promise<void>;
}

export function createProbeSupervisor(options: SupervisorOptions): ProbeSupervisor {
  return new Supervisor(options);
}

const FIRST_WAIT_MS = 30_000;
/** Also the wait where there is no adapter: drivers are not installed by the minute. */
const LONGEST_WAIT_MS = 3_600_000;
const STEADY_MS = 600_000;
/** From so many failures in a row on it is something to mend. */
const MANY_FAILURES = 5;
/** A process that ended stays in lists that are being read, or are made of what lately was. */
const LINGER_MS = 10_000;
/** Waits are shortened by up to this share. */
const JITTER = 0.2;

const ABSENT: ReadonlySet<string> = new Set(["probe/unavailable", "probe/software"]);
/** What another try in a minute would find unchanged. */
const LASTING: ReadonlySet<string> = new Set(["probe/no-match", "probe/wrong-result"]);

interface Slot {
  gpuUuid: string;
  device?: ProbeDevice | undefined;
  readySinceMs: number;
  opening?: Promise<ProbeDevice | undefined> | undefined;
  opened: number;
  failuresInARow: number;
  trouble?:
    | { status: Exclude<ProbeStatus, "ready">; reason: string; nextTryMs: number }
    | undefined;
}

class Supervisor implements ProbeSupervisor {
  readonly #options: SupervisorOptions;
  readonly #slots = new Map<string, Slot>();
  /** When each process ended; undefined while it lives. */
  readonly #processes = new Map<number, number | undefined>();
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Of the one opening that is under way. */
  #opening: AbortController | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  async acquire(gpuUuid: string): Promise<ProbeDevice | undefined> {
    const slot = this.#slot(gpuUuid);
    if (this.#closed) return undefined;
    if (slot.device) return slot.device;
    if (slot.opening) return slot.opening;
    if (slot.trouble && this.#options.monotonicMs() < slot.trouble.nextTryMs) return undefined;
    slot.opening = this.#last
      .then(() => this.#open(slot))
      .finally(() => {
        slot.opening = undefined;
      });
    this.#last = slot.opening.catch(() => undefined);
    return slot.opening;
  }

  async failed(gpuUuid: string, error: unknown): Promise<void> {
    const slot = this.#slots.get(gpuUuid);
    if (!slot?.device || !ends(error)) return;
    const { device } = slot;
    slot.device = undefined;
    const servedMs = this.#options.monotonicMs() - slot.readySinceMs;
    if (servedMs >= (this.#options.steadyMs ?? STEADY_MS)) slot.failuresInARow = 0;
    this.#note(slot, error);
    await this.#end(device);
  }

  pids(): ReadonlySet<number> {
    const nowMs = this.#options.monotonicMs();
    for (const [pid, endedMs] of this.#processes)
      if (endedMs !== undefined && nowMs - endedMs > LINGER_MS) this.#processes.delete(pid);
    return new Set(this.#processes.keys());
  }

  states(): readonly ProbeState[] {
    return [...this.#slots.values()].flatMap((slot) => stateOf(slot) ?? []);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#opening?.abort();
    await this.#last;
    const devices = [...this.#slots.values()].flatMap(({ device }) => device ?? []);
    await Promise.all(devices.map((device) => this.#end(device)));
    for (const slot of this.#slots.values()) slot.device = undefined;
  }

  #slot(gpuUuid: string): Slot {
    const known = this.#slots.get(gpuUuid);
    if (known) return known;
    const slot = { gpuUuid, readySinceMs: 0, opened: 0, failuresInARow: 0 };
    this.#slots.set(gpuUuid, slot);
    return slot;
  }

  async #open(slot: Slot): Promise<ProbeDevice | undefined> {
    if (this.#closed) return undefined;
    this.#opening = new AbortController();
    const { signal } = this.#opening;
    const pids: number[] = [];
    const started = (pid: number): void => {
      pids.push(pid);
      this.#processes.set(pid, undefined);
    };
    try {
      const device = await this.#options.open({ gpuUuid: slot.gpuUuid, started, signal });
      started(device.pid);
      if (this.#closed) {
        await this.#end(device);
        return undefined;
      }
      slot.opened++;
      slot.device = device;
      slot.trouble = undefined;
      slot.readySinceMs = this.#options.monotonicMs();
      return device;
    } catch (error) {
      for (const pid of pids) this.#processes.set(pid, this.#options.monotonicMs());
      if (!(error instanceof AssayError)) throw error;
      this.#note(slot, error);
      return undefined;
    }
  }

  async #end(device: ProbeDevice): Promise<void> {
    await device.close();
    this.#processes.set(device.pid, this.#options.monotonicMs());
  }

  #note(slot: Slot, error: unknown): void {
    const code = error instanceof AssayError ? error.code : "";
    const reason = sanitize(error instanceof Error ? error.message : String(error), 1024);
    const longestMs = this.#options.longestWaitMs ?? LONGEST_WAIT_MS;
    if (!ABSENT.has(code)) slot.failuresInARow++;
    const lasting = ABSENT.has(code) || LASTING.has(code);
    const waitMs = lasting ? longestMs : this.#backOffMs(slot.failuresInARow, longestMs);
    const many = slot.failuresInARow >= MANY_FAILURES || LASTING.has(code);
    const status = ABSENT.has(code) ? "absent" : many ? "failing" : "backing-off";
    const jitter = 1 - JITTER * this.#options.random();
    // Where nothing is there the hour is kept: it is promised, and nothing comes of being early.
    const nextTryMs = this.#options.monotonicMs() + (lasting ? waitMs : waitMs * jitter);
    slot.trouble = { status, reason, nextTryMs };
  }

  #backOffMs(failures: number, longestMs: number): number {
    const firstMs = this.#options.firstWaitMs ?? FIRST_WAIT_MS;
    return Math.min(longestMs, firstMs * 2 ** (failures - 1));
  }
}

/** A kernel that was refused says nothing against its device. */
function ends(error: unknown): boolean {
  return !(error instanceof AssayError && error.code === "probe/refused");
}

function stateOf(slot: Slot): ProbeState | undefined {
  const { gpuUuid, device, trouble, opened } = slot;
  const restarts = Math.max(0, opened - 1);
  if (device) return { gpuUuid, status: "ready", restarts };
  return trouble && { gpuUuid, ...trouble, restarts };
}
