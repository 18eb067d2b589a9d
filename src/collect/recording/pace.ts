import type { TickObservation } from "../../model/observation.ts";

/** A tick for each second of recorded time: windows are whole seconds. */
const TICK_MS = 1000;
/** Waits shorter than this are not slept: timers are no finer, and lines come in bunches. */
const MIN_SLEEP_MS = 10;

export interface PaceOptions {
  /** Recorded time per wall-clock time: 1 is live, 60 an hour a minute, Infinity without a pause. */
  speed: number;
  /** Monotonic milliseconds. */
  clock: () => number;
  /** Resolves after `ms`; may resolve early, and should when `signal` aborts. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  signal?: AbortSignal | undefined;
}

/** Recorded time, tied to the clock at its first moment, and the ticks that say how far it is. */
export class Pace {
  readonly #options: PaceOptions;
  #start: { recordedMs: number; wallMs: number } | undefined;
  #nowMs = Number.NEGATIVE_INFINITY;
  #lastTickMs = Number.NEGATIVE_INFINITY;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Undefined before the first moment. */
  get nowMs(): number | undefined {
    return this.#start && this.#nowMs;
  }

  /** Whether recorded time reaches `atMs` with no wait and no tick: spares a generator a line. */
  reached(atMs: number): boolean {
    if (!this.#start) return false;
    if (atMs <= this.#nowMs) return true;
    if (this.#options.speed !== Infinity || secondOf(atMs) > this.#lastTickMs) return false;
    this.#nowMs = atMs;
    return true;
  }

  /** Lets recorded time pass until `atMs`; gives a tick for the seconds it enters. */
  async *advance(atMs: number): AsyncGenerator<TickObservation> {
    if (!this.#start) {
      this.#start = { recordedMs: atMs, wallMs: this.#options.clock() };
      this.#lastTickMs = secondOf(atMs);
    }
    // At high speed many seconds pass within the shortest sleep: they share a tick.
    const strideMs = Math.max(TICK_MS, secondOf(MIN_SLEEP_MS * this.#options.speed));
    while (secondOf(atMs) > this.#lastTickMs) {
      const tickMs = Math.min(secondOf(atMs), this.#lastTickMs + strideMs);
      await this.#waitUntil(tickMs);
      if (this.#options.signal?.aborted) return;
      yield this.#tick(tickMs);
    }
    await this.#waitUntil(atMs);
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** Passes time until `endMs` and ticks there, whole second or not. */
  async *finish(endMs: number): AsyncGenerator<TickObservation> {
    yield* this.advance(endMs);
    if (this.#lastTickMs < endMs && !this.#options.signal?.aborted) yield this.#tick(endMs);
  }

  #tick(atMs: number): TickObservation {
    this.#lastTickMs = atMs;
    return { kind: "tick", atMs };
  }

  async #waitUntil(recordedMs: number): Promise<void> {
    const { clock, sleep, speed, signal } = this.#options;
    if (!this.#start || speed === Infinity) return;
    const dueMs = this.#start.wallMs + (recordedMs - this.#start.recordedMs) / speed;
    for (;;) {
      const leftMs = dueMs - clock();
      if (leftMs < MIN_SLEEP_MS || signal?.aborted) return;
      await sleep(Math.min(leftMs, TICK_MS), signal);
    }
  }
}

function secondOf(atMs: number): number {
  return Math.floor(atMs / TICK_MS) * TICK_MS;
}
