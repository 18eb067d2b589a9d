import type { Collector, CollectorHealth } from "./contract.ts";
import type { HarnessDeps, HarnessSettings, TickReading } from "./harness-types.ts";
import { SupervisedCollector } from "./supervised.ts";

export const DEFAULT_HARNESS: HarnessSettings = {
  backoff: { firstMs: 1000, maxMs: 60_000 },
  absentRetryMs: 60_000,
  closeTimeoutMs: 3000,
};

/**
 * Runs collectors side by side: times each, counts what it did, waits longer and longer before it
 * asks one that breaks again, and lets none hold up the others.
 */
export class CollectorHarness {
  readonly #collectors: readonly SupervisedCollector[];
  readonly #settings: HarnessSettings;
  readonly #deps: HarnessDeps;

  constructor(
    collectors: readonly Collector[],
    deps: HarnessDeps,
    settings: Partial<HarnessSettings> = {},
  ) {
    this.#settings = { ...DEFAULT_HARNESS, ...settings };
    this.#deps = deps;
    this.#collectors = collectors.map(
      (collector) => new SupervisedCollector(collector, this.#settings, deps),
    );
  }

  /** Opens all collectors; what became of each is in {@link health}. Never rejects. */
  async open(): Promise<void> {
    await Promise.all(this.#collectors.map((collector) => collector.open()));
  }

  /**
   * Asks every collector whose time has come, and opens those that are not open.
   * What a slow one saw in the tick before comes first. Never rejects.
   * @param atMs Unix milliseconds, passed on to the collectors
   * @param timeoutMs how long to wait for the slowest; what it sees later waits for the next tick
   * @returns a reading for each collector, in their order, also where it saw nothing
   */
  async tick(atMs: number, timeoutMs: number): Promise<TickReading[]> {
    const running = this.#collectors.map((collector) => collector.start(atMs));
    await this.#within(Promise.all(running), timeoutMs);
    return this.#collectors.map((collector) => collector.take());
  }

  /** Counts ticks that never took place, because the process was late, as drops of every collector. */
  countMissedTicks(count: number): void {
    for (const collector of this.#collectors) collector.countDrops(count);
  }

  health(): CollectorHealth[] {
    return this.#collectors.map((collector) => collector.health());
  }

  /** Closes all collectors; one that hangs is left behind after a while. Safe without open, and twice. */
  async close(): Promise<void> {
    await Promise.all(this.#collectors.map((collector) => collector.close()));
  }

  async #within(running: Promise<unknown>, timeoutMs: number): Promise<void> {
    const done = new AbortController();
    const late = this.#deps.sleep(timeoutMs, done.signal);
    await Promise.race([running, late]);
    // Without a reason of ours Node makes an exception with a stack, each tick anew.
    done.abort("in time");
  }
}
