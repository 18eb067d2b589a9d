import type { ErrorCount } from "./contract.ts";
import { setNewest } from "../model/recent.ts";

/** About a minute and a half at one reading a second, ten seconds at ten. */
const KEPT_READINGS = 100;
const KEPT_ERRORS = 5;
const MAX_ERROR_LENGTH = 200;

/** How long the newest readings took: an old, slow one is forgotten after {@link KEPT_READINGS}. */
export class DurationWindow {
  readonly #durationsMs: number[] = [];
  #next = 0;

  add(durationMs: number): void {
    this.#durationsMs[this.#next] = durationMs;
    this.#next = (this.#next + 1) % KEPT_READINGS;
  }

  /** Milliseconds; undefined before the first reading. */
  mean(): number | undefined {
    const { length } = this.#durationsMs;
    if (length === 0) return undefined;
    return this.#durationsMs.reduce((sum, ms) => sum + ms, 0) / length;
  }

  max(): number | undefined {
    return this.#durationsMs.length === 0 ? undefined : Math.max(...this.#durationsMs);
  }
}

/** Failures by their text: the newest few kinds, cut to a bounded length. */
export class ErrorTally {
  /** In order of the newest occurrence, oldest first. */
  readonly #counts = new Map<string, number>();

  add(message: string): void {
    const text = message.slice(0, MAX_ERROR_LENGTH);
    const count = this.#counts.get(text) ?? 0;
    setNewest(this.#counts, text, count + 1, KEPT_ERRORS);
  }

  last(): string | undefined {
    return [...this.#counts.keys()].at(-1);
  }

  /** The newest first; undefined where nothing ever failed. */
  counts(): ErrorCount[] | undefined {
    if (this.#counts.size === 0) return undefined;
    return [...this.#counts].map(([text, count]) => ({ text, count })).reverse();
  }
}
