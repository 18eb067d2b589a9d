interface Timer {
  atMs: number;
  end: () => void;
}

/** A clock that tests move by hand: monotonic time and wall time together, unless one is stepped. */
export class FakeClock {
  #monotonicMs = 0;
  #wallMs: number;
  #timers: Timer[] = [];

  constructor(wallMs = 1_800_000_000_000) {
    this.#wallMs = wallMs;
  }

  readonly monotonicMs = (): number => this.#monotonicMs;
  readonly wallMs = (): number => this.#wallMs;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        this.#timers = this.#timers.filter((other) => other.end !== end);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      this.#timers.push({ atMs: this.#monotonicMs + ms, end });
      signal?.addEventListener("abort", end);
      if (signal?.aborted) end();
    });

  /** Lets time pass: every timer on the way ends at its own time, and what waits for it runs. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await settle();
    for (;;) {
      const [first] = this.#timers.sort((a, b) => a.atMs - b.atMs);
      if (!first || first.atMs > endMs) break;
      this.jump(Math.max(0, first.atMs - this.#monotonicMs));
      first.end();
      await settle();
    }
    this.jump(endMs - this.#monotonicMs);
  }

  /** Lets time pass in which nothing runs, as when the process was stopped. */
  jump(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }

  /** Sets the wall clock alone. */
  step(ms: number): void {
    this.#wallMs += ms;
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
