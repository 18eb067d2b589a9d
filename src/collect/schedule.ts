/**
 * When ticks are due on a clock that never steps: multiples of the interval after an anchor, so that
 * a late tick does not move the next. A new interval counts from the slot at which it was set.
 * All times in milliseconds.
 */
export class Schedule {
  #anchorMs: number;
  #intervalMs: number;
  #next = 0;

  constructor(startMs: number, intervalMs: number) {
    this.#anchorMs = startMs;
    this.#intervalMs = intervalMs;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  get dueMs(): number {
    return this.#anchorMs + this.#next * this.#intervalMs;
  }

  /** Takes the newest slot that is due. @returns how many before it were missed */
  reach(nowMs: number): number {
    const due = Math.max(this.#next, Math.floor((nowMs - this.#anchorMs) / this.#intervalMs));
    const missed = due - this.#next;
    this.#next = due;
    return missed;
  }

  /** Goes on to the slot after the one taken; at a new rate, to the first that is still to come. */
  advance(intervalMs: number, nowMs: number): void {
    if (intervalMs === this.#intervalMs) {
      this.#next += 1;
      return;
    }
    this.#anchorMs = this.dueMs;
    this.#intervalMs = intervalMs;
    this.#next = Math.max(1, Math.floor((nowMs - this.#anchorMs) / intervalMs) + 1);
  }
}
