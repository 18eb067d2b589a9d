/*
 * Counts and lists that stay small whatever a file holds: what does not fit any more is still
 * counted, so that nobody takes a part for the whole.
 */

/** Stands for all keys that came after the limit was reached. */
export const OTHERS = "(others)";

/** How often each key came; keys beyond `limit` are counted together as {@link OTHERS}. */
export class BoundedCounts {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  add(key: string): void {
    const known = this.#counts.get(key);
    if (known !== undefined) this.#counts.set(key, known + 1);
    else if (this.#counts.size < this.#limit || key === OTHERS) this.#counts.set(key, 1);
    else this.add(OTHERS);
  }
}

/** Distinct numbers; where more come than fit, the count is a lower bound and says so. */
export class BoundedSet {
  readonly #limit: number;
  readonly #values = new Set<number>();
  #full = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#values.size;
  }

  /** True where some did not fit: there are more than {@link BoundedSet.size}. */
  get isFull(): boolean {
    return this.#full;
  }

  add(value: number): void {
    if (this.#values.size < this.#limit) this.#values.add(value);
    else if (!this.#values.has(value)) this.#full = true;
  }
}

interface Stretch {
  fromMs: number;
  toMs: number;
}

/** The longest stretches of time that were added, with the number and length of all of them. */
export class LongestStretches<T extends Stretch> {
  readonly #limit: number;
  #kept: T[] = [];
  count = 0;
  totalMs = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(stretch: T): void {
    this.count += 1;
    this.totalMs += lengthOf(stretch);
    this.#kept.push(stretch);
    if (this.#kept.length >= 2 * this.#limit) this.#kept = this.#longest();
  }

  /** At most `limit`, in order of time. */
  list(): T[] {
    return this.#longest().sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
  }

  #longest(): T[] {
    return this.#kept.toSorted((a, b) => lengthOf(b) - lengthOf(a)).slice(0, this.#limit);
  }
}

function lengthOf({ fromMs, toMs }: Stretch): number {
  return toMs - fromMs;
}
