/** Steps an octave is cut into: quantiles are right to a thousandth. */
const STEPS = 1024;

/**
 * The distribution of times between samples, in fixed memory however many there are: whole
 * milliseconds are counted one by one up to 2 s, and in steps of a thousandth of their size beyond.
 */
export class Intervals {
  /** By step, see {@link stepOf}; sparse, because nearly all intervals are alike. */
  readonly #counts = new Map<number, number>();
  #total = 0;
  #maxMs = 0;

  /** @param intervalMs whole milliseconds, not negative */
  add(intervalMs: number): void {
    const step = stepOf(intervalMs);
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    this.#total += 1;
    if (intervalMs > this.#maxMs) this.#maxMs = intervalMs;
  }

  /** The longest, in milliseconds; undefined before the first. */
  get maxMs(): number | undefined {
    return this.#total > 0 ? this.#maxMs : undefined;
  }

  /** The interval that a share of all are not longer than, in milliseconds. */
  quantiles(shares: readonly number[]): (number | undefined)[] {
    const steps = [...this.#counts].sort(([a], [b]) => a - b);
    return shares.map((share) => {
      let rest = Math.max(1, Math.ceil(share * this.#total));
      for (const [step, count] of steps) {
        rest -= count;
        if (rest <= 0) return Math.min(msOf(step), this.#maxMs);
      }
      return undefined;
    });
  }
}

function stepOf(ms: number): number {
  if (ms < 2 * STEPS) return ms;
  const octave = Math.floor(Math.log2(ms / STEPS));
  return octave * STEPS + Math.floor(ms / 2 ** octave);
}

/** The middle of a step. */
function msOf(step: number): number {
  if (step < 2 * STEPS) return step;
  const octave = Math.floor(step / STEPS) - 1;
  const part = step - octave * STEPS;
  return Math.round((part + 0.5) * 2 ** octave);
}
