import type { Observation } from "../../model/observation.ts";
import type { LaunchSample } from "../../model/sample.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { tracingAbility } from "./ability.ts";
import { findHolders } from "./holders.ts";
import { KernelNames } from "./names.ts";
import { MAX_TRACED, traceLaunches } from "./trace.ts";

export const LAUNCH_MODES = ["off", "on-doubt", "interval"] as const;
export type LaunchMode = (typeof LAUNCH_MODES)[number];

export interface LaunchCollectorSettings {
  mode: Exclude<LaunchMode, "off">;
  windowMs: number;
  /** From the beginning of one window to that of the next, at least. */
  intervalMs: number;
  /** Of the windows that are labelled: a trace should be known before its own closes. */
  labelWindowMs: number;
  procRoot: string;
  pids: "auto" | "trusted";
  /** Of bpftrace; looked for where absent. */
  path?: string | undefined;
  searchPath: string;
}

export interface LaunchCollectorDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  /** Who may be launching; by default whoever has a GPU open. */
  holders?: ((signal: AbortSignal) => Promise<readonly number[]>) | undefined;
}

/** A collector that looks when it is told that a label is in doubt. */
export interface LaunchCollector extends Collector {
  doubted(): void;
}

/** What compiling and attaching, and then detaching, take of a machine that is not overloaded. */
const SETTLING_MS = 3000;

/**
 * Samples of kernel launches in short windows. A window takes seconds, so it runs beside the ticks:
 * each tick takes what the last window has shown, and begins one where it is time.
 */
export function createLaunchCollector(
  settings: LaunchCollectorSettings,
  deps: LaunchCollectorDeps,
): LaunchCollector {
  return new BpftraceCollector(settings, deps);
}

class BpftraceCollector implements LaunchCollector {
  readonly name = "launches";
  readonly #settings: LaunchCollectorSettings;
  readonly #deps: LaunchCollectorDeps;
  readonly #names: KernelNames;
  #path: string | undefined;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #samples: LaunchSample[] = [];
  #failure: unknown;
  #isDoubted = false;
  #beganMs = Number.NEGATIVE_INFINITY;
  /** Where more processes launch than one window can watch: the last that had its turn. */
  #lastPid = 0;

  constructor(settings: LaunchCollectorSettings, deps: LaunchCollectorDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#names = new KernelNames(settings.procRoot);
  }

  doubted(): void {
    this.#isDoubted = true;
  }

  async open(): Promise<OpenResult> {
    this.#stop = new AbortController();
    const ability = await tracingAbility({ ...this.#settings, signal: this.#stop.signal });
    if (!ability.can) return { status: "absent", reason: ability.reason, hint: ability.hint };
    this.#path = ability.path;
    const { mode, windowMs, intervalMs } = this.#settings;
    const when = mode === "interval" ? "every" : "on doubt, at most every";
    const detail = `${ability.version}, ${windowMs / 1000} s ${when} ${intervalMs / 1000} s`;
    return { status: "ready", detail };
  }

  /** @throws Error where the window before failed */
  async collect(atMs: number): Promise<readonly Observation[]> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    const seen = this.#samples.splice(0);
    if (this.#isDue(atMs)) {
      this.#isDoubted = false;
      this.#beganMs = this.#deps.monotonicMs();
      this.#running = this.#window().finally(() => {
        this.#running = undefined;
      });
    }
    return seen;
  }

  /** Kills the window that runs. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#samples = [];
    this.#failure = undefined;
  }

  #isDue(atMs: number): boolean {
    const { mode, windowMs, intervalMs, labelWindowMs } = this.#settings;
    if (this.#running || (mode === "on-doubt" && !this.#isDoubted)) return false;
    if (this.#deps.monotonicMs() - this.#beganMs < intervalMs) return false;
    // What ends in a window that was labelled meanwhile would be of no use to it.
    const neededMs = windowMs + SETTLING_MS;
    return neededMs > labelWindowMs || (atMs % labelWindowMs) + neededMs <= labelWindowMs;
  }

  async #window(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const pids = this.#turn(await this.#holders(signal));
      if (pids.length === 0 || this.#path === undefined || signal.aborted) return;
      const { procRoot, windowMs } = this.#settings;
      const { nowMs } = this.#deps;
      const base = { procRoot, windowMs, nowMs, path: this.#path, names: this.#names, signal };
      const { samples } = await traceLaunches(pids, base);
      if (!signal.aborted) this.#samples.push(...samples);
    } catch (error) {
      if (!signal.aborted) this.#failure = error;
    }
  }

  async #holders(signal: AbortSignal): Promise<readonly number[]> {
    const { holders, monotonicMs } = this.#deps;
    return holders ? holders(signal) : findHolders(this.#settings.procRoot, monotonicMs, signal);
  }

  #turn(all: readonly number[]): number[] {
    const others = all.filter((pid) => pid !== process.pid).sort((a, b) => a - b);
    if (others.length <= MAX_TRACED) return others;
    const next = others.filter((pid) => pid > this.#lastPid);
    const turn = [...next, ...others].slice(0, MAX_TRACED);
    this.#lastPid = turn.at(-1) ?? 0;
    return turn;
  }
}
