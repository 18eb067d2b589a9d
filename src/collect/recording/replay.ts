import type { Observation } from "../../model/observation.ts";
import { Pace, type PaceOptions } from "./pace.ts";
import { type LocatedObservation, RecordingReader } from "./read.ts";
import { TimeOrder, timeOf } from "./time-order.ts";
import { type RecordingWarning, WarningLog } from "./warnings.ts";

/** A source may be two samples, and at least this long, behind the others. */
const MIN_HORIZON_MS = 1000;

export interface ReplayOptions extends PaceOptions {
  file: string;
  /** Ends the replay early: without an error and without a final tick. */
  signal?: AbortSignal | undefined;
}

/**
 * A recording as a source of observations, in time order, at a chosen speed. Iterate it once.
 *
 * Ticks are put in: one as recorded time enters a new second, also through silence, so that windows
 * close; nothing older than a tick follows it, except what is counted as `late`. The last tick is
 * one sampling interval after the newest observation, because a sample speaks for its interval.
 * Iterating throws AssayError as {@link RecordingReader} does.
 * @throws RangeError for a speed that is not above 0
 */
export function replaySource(options: ReplayOptions): Replay {
  if (!(options.speed > 0)) throw new RangeError(`replay speed must be above 0: ${options.speed}`);
  return new Replay(options);
}

/** See {@link replaySource}. */
export class Replay implements AsyncIterable<Observation> {
  readonly #file: string;
  readonly #signal: AbortSignal | undefined;
  readonly #warnings = new WarningLog();
  readonly #reader: RecordingReader;
  readonly #pace: Pace;
  #order = this.#newOrder(0);
  #intervalMs = 0;

  constructor(options: ReplayOptions) {
    this.#file = options.file;
    this.#signal = options.signal;
    this.#reader = new RecordingReader(options.file, { warnings: this.#warnings });
    this.#pace = new Pace(options);
  }

  /** What the reading put up with so far; complete when the replay has ended. */
  get warnings(): RecordingWarning[] {
    return this.#warnings.list();
  }

  /** Lines read so far. */
  get lines(): number {
    return this.#reader.lines;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Observation> {
    for await (const batch of this.#inOrder()) {
      for (const located of batch) {
        const atMs = timeOf(located);
        if (atMs !== undefined && !this.#pace.reached(atMs)) yield* this.#pace.advance(atMs);
        if (this.#signal?.aborted) return;
        yield located.observation;
      }
    }
    const lastMs = this.#pace.nowMs;
    if (lastMs !== undefined) yield* this.#pace.finish(lastMs + this.#intervalMs);
  }

  async *#inOrder(): AsyncGenerator<LocatedObservation[]> {
    for await (const batch of this.#reader.batches()) {
      const ready: LocatedObservation[] = [];
      for (const located of batch) {
        const { observation } = located;
        if (observation.kind === "node") {
          // The devices change for what follows: everything before goes on first.
          ready.push(...this.#order.drain(), located);
          this.#intervalMs = observation.intervalMs;
          this.#order = this.#newOrder(observation.intervalMs);
        } else this.#order.push(located);
      }
      ready.push(...this.#order.ripe());
      yield ready;
    }
    yield this.#order.drain();
  }

  #newOrder(intervalMs: number): TimeOrder {
    const horizonMs = Math.max(MIN_HORIZON_MS, 2 * intervalMs);
    return new TimeOrder(horizonMs, ({ observation, line }) => {
      this.#warnings.add("late", observation.kind, { file: this.#file, line });
    });
  }
}
