import { AssayError } from "../model/errors.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { GpuLook } from "./telemetry.ts";

/** Below it a device counts as idle, as it does for the bill. */
const IDLE_BELOW_UTIL = 0.05;
/** Drivers report a process's use in whole per cent, and a screen that is redrawn takes a few. */
const USE_ABOVE = 0.05;

/** What one look says of a GPU on which nothing of ours runs. */
export interface Occupancy {
  /** Why it is busy, in words; undefined where it is idle as far as can be told. */
  busy: string | undefined;
  /** Who uses it, or who holds memory where nothing tells of use. */
  who: readonly ProcessSighting[];
  /** Others that hold memory and do nothing: they are in nobody's way. */
  holders: readonly ProcessSighting[];
  /** Whether the device told its activity, or at least who is on it. */
  isKnown: boolean;
}

/**
 * Whether a GPU is free. A process that only holds memory leaves it free, as a screen or a sleeping
 * notebook does: its use is what counts. Where the device tells no activity at all, whoever is on it
 * may be using it, and it counts as busy.
 */
export function occupancyOf(look: GpuLook, ownPids: ReadonlySet<number>): Occupancy {
  const others = othersOf(look, ownPids);
  const users = others.filter((process) => (process.smUtil ?? 0) >= USE_ABOVE);
  const util = look.readings?.gpuUtil ?? look.readings?.smActive;
  const isKnown = util !== undefined || look.processes !== undefined;
  const state = (busy: string | undefined, who: readonly ProcessSighting[]): Occupancy => ({
    busy,
    who,
    holders: others.filter((process) => !who.includes(process)),
    isKnown,
  });
  if (users.length > 0) return state("another process computes on it", users);
  if (util === undefined && others.length > 0)
    return state("its activity cannot be measured, and others are on it", others);
  if (util !== undefined && util >= IDLE_BELOW_UTIL)
    return state(`it is ${Math.round(util * 100)} % busy`, others);
  return state(undefined, []);
}

function othersOf(look: GpuLook, ownPids: ReadonlySet<number>): ProcessSighting[] {
  return (look.processes ?? []).filter(({ pid, exited }) => !exited && !ownPids.has(pid));
}

/** `pid 4711 (python3, alice), pid 12`: what is known, made safe, of eight at most. */
export function nameProcesses(processes: readonly ProcessSighting[]): string {
  const shown = processes.slice(0, 8).map(({ pid, comm, user }) => {
    const known = [comm, user].flatMap((text) => (text ? [sanitize(text, 40)] : []));
    return known.length > 0 ? `pid ${pid} (${known.join(", ")})` : `pid ${pid}`;
  });
  const more = processes.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

export interface WaitOptions {
  look: () => Promise<GpuLook>;
  /** Of device processes that are open already. */
  ownPids: ReadonlySet<number>;
  /** 0 refuses a busy GPU at once. */
  waitSeconds: number;
  /** Monotonic seconds. */
  now: () => number;
  sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;
  signal?: AbortSignal | undefined;
  /** The GPU is busy, and is waited for: said when the reason changes. */
  onBusy?: ((text: string) => void) | undefined;
}

/** A driver's figure speaks of about the last second: so many looks apart do not meet one pause. */
const IDLE_LOOKS = 3;
const LOOK_EVERY_SECONDS = 1;

/**
 * Waits until the GPU was idle in a few looks one after the other.
 * @returns what the last look said
 * @throws AssayError `probe/busy` when the time is over; the reason of `signal`
 */
export async function waitForIdle(options: WaitOptions): Promise<Occupancy> {
  const { look, ownPids, waitSeconds, now, sleep, signal, onBusy } = options;
  const endAt = now() + waitSeconds;
  let idle = 0;
  let told: string | undefined;
  while (true) {
    signal?.throwIfAborted();
    const occupancy = occupancyOf(await look(), ownPids);
    const { busy, who, isKnown } = occupancy;
    idle = busy === undefined ? idle + 1 : 0;
    if (idle >= IDLE_LOOKS || !isKnown) return occupancy;
    const text = busy && describe(busy, who);
    if (text !== undefined && now() + LOOK_EVERY_SECONDS > endAt) throw busyError(text);
    if (text !== undefined && text !== told) onBusy?.(text);
    told = text ?? told;
    await sleep(LOOK_EVERY_SECONDS, signal);
  }
}

function describe(busy: string, who: readonly ProcessSighting[]): string {
  return who.length > 0 ? `${busy}: ${nameProcesses(who)}` : `${busy}, by whom cannot be seen`;
}

function busyError(text: string): AssayError {
  return new AssayError("probe/busy", `the GPU is in use: ${text}`, {
    hint: "nothing was run on it; wait until it is free, or give it longer with --wait",
  });
}

/**
 * Tells when somebody else wants a GPU that a calibration has taken: a process that was not there at
 * the start, or use by one that was. Where our own processes are not in the driver's list (their
 * pids count differently inside a container), use cannot be told from ours: only newcomers show.
 */
export class Newcomers {
  readonly #ownPids: ReadonlySet<number>;
  readonly #known = new Map<number, number | undefined>();
  #started = false;
  #seesProcesses = false;

  constructor(ownPids: ReadonlySet<number>) {
    this.#ownPids = ownPids;
  }

  /** Whether any look told who is on the GPU. */
  get seesProcesses(): boolean {
    return this.#seesProcesses;
  }

  /** @returns who wants the GPU, in words; the first look that lists processes says who may stay */
  note({ processes }: GpuLook): string | undefined {
    if (!processes) return undefined;
    this.#seesProcesses = true;
    if (!this.#started) {
      this.#started = true;
      for (const { pid, startTimeMs } of processes) this.#known.set(pid, startTimeMs);
      return undefined;
    }
    const own = processes.some(({ pid }) => this.#ownPids.has(pid));
    const others = processes.filter(({ pid }) => !this.#ownPids.has(pid));
    const users = own ? others.filter(({ smUtil = 0 }) => smUtil >= USE_ABOVE) : [];
    if (users.length > 0) return `another process computes on it: ${nameProcesses(users)}`;
    const fresh = others.filter((process) => !process.exited && !this.#isKnown(process));
    return fresh.length > 0 ? `another process came to it: ${nameProcesses(fresh)}` : undefined;
  }

  #isKnown({ pid, startTimeMs }: ProcessSighting): boolean {
    if (!this.#known.has(pid)) return false;
    const before = this.#known.get(pid);
    // One reading may lack what another tells: only two times that differ are two processes.
    return before === undefined || startTimeMs === undefined || before === startTimeMs;
  }
}
