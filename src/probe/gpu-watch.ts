import type { GpuReadings } from "../model/sample.ts";
import { Newcomers, occupancyOf } from "./occupancy.ts";
import type { GpuLook } from "./telemetry.ts";

export interface GpuWatchOptions {
  look: () => Promise<GpuLook>;
  ownPids: ReadonlySet<number>;
  /** Monotonic seconds. */
  now: () => number;
  sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;
  intervalSeconds: number;
  /** Somebody else wants the GPU: told once, in words. */
  onWanted: (why: string) => void;
}

/**
 * Looks at a GPU for as long as a calibration has it: keeps the readings of the stretches that are
 * asked for, adds up the board's energy, and tells when somebody else wants the GPU.
 */
export class GpuWatch {
  readonly #options: GpuWatchOptions;
  readonly #newcomers: Newcomers;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #isWanted = false;
  /** Looks that began before it do not speak of the stretch. */
  #keepFrom: number | undefined;
  #kept: GpuReadings[] = [];
  #expectIdle = false;
  #last: { atSeconds: number; readings: GpuReadings } | undefined;
  #joules = 0;
  #measuredSeconds = 0;

  constructor(options: GpuWatchOptions) {
    this.#options = options;
    this.#newcomers = new Newcomers(options.ownPids);
  }

  get seesProcesses(): boolean {
    return this.#newcomers.seesProcesses;
  }

  /** Of the whole board since the start, idle power included; undefined while nothing tells it. */
  get joules(): number | undefined {
    return this.#measuredSeconds > 0 ? this.#joules : undefined;
  }

  /** Returns after the first look, which says who was there before. */
  async start(): Promise<void> {
    await this.#lookOnce();
    this.#running = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopped.abort("over");
    await this.#running;
  }

  /** Keeps what is read while `run` runs, the first `leadSeconds` left out. */
  async during<T>(leadSeconds: number, run: () => Promise<T>): Promise<T> {
    this.#keepFrom = this.#options.now() + leadSeconds;
    try {
      return await run();
    } finally {
      this.#keepFrom = undefined;
    }
  }

  /** As `during`, for a stretch in which nothing of ours runs: then any activity is another's. */
  async whileIdle<T>(run: () => Promise<T>): Promise<T> {
    this.#expectIdle = true;
    try {
      return await this.during(0, run);
    } finally {
      this.#expectIdle = false;
    }
  }

  /** What was kept since the last call. */
  take(): GpuReadings[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }

  async #loop(): Promise<void> {
    const { sleep, intervalSeconds } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await sleep(intervalSeconds, this.#stopped.signal);
      if (!this.#stopped.signal.aborted) await this.#lookOnce();
    }
  }

  async #lookOnce(): Promise<void> {
    const { look, now, ownPids } = this.#options;
    const beganAt = now();
    const seen = await look();
    if (this.#stopped.signal.aborted) return;
    const { readings } = seen;
    // One that came back after the stretch's end may speak of what followed.
    const isInside = this.#keepFrom !== undefined && beganAt >= this.#keepFrom;
    if (readings) {
      if (isInside) this.#kept.push(readings);
      this.#addEnergy(readings, now());
    }
    // Our own processes may be in the list, under pids that we do not know: activity alone tells.
    const idleBroken =
      isInside && this.#expectIdle
        ? occupancyOf({ readings, processes: undefined }, ownPids).busy
        : undefined;
    const why = this.#newcomers.note(seen) ?? idleBroken;
    if (why === undefined || this.#isWanted) return;
    this.#isWanted = true;
    this.#options.onWanted(why);
  }

  /** The driver's counter where it has one; else the power of both ends, evenly over the time. */
  #addEnergy(readings: GpuReadings, atSeconds: number): void {
    const last = this.#last;
    this.#last = { atSeconds, readings };
    if (!last) return;
    const seconds = atSeconds - last.atSeconds;
    const [before, after] = [last.readings, readings];
    const counted = difference(before.energyJoules, after.energyJoules);
    const watts = mean(before.powerWatts, after.powerWatts);
    const joules = counted ?? (watts === undefined ? undefined : watts * seconds);
    if (joules === undefined) return;
    this.#joules += joules;
    this.#measuredSeconds += seconds;
  }
}

/** Undefined where the counter went back: it was reset. */
function difference(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined || after === undefined || after < before) return undefined;
  return after - before;
}

function mean(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : (a + b) / 2;
}
