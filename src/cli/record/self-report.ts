import type { CollectorHealth } from "../../collect/contract.ts";
import type { CollectorObservation, ReadingOverhead } from "../../model/observation.ts";

/** What the readings of one collector took so far. */
interface Cost {
  attempts: number;
  timed: number;
  sumMs: number;
  maxMs: number;
}

/** Keeps, tick by tick, what the collectors do and what it costs. Milliseconds throughout. */
export class SelfReport {
  readonly #costs = new Map<string, Cost>();
  #newest: readonly CollectorHealth[] = [];
  #readings = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Begins here: what was read before does not count. */
  skip(health: readonly CollectorHealth[]): void {
    for (const { name, successes, failures } of health)
      this.#costs.set(name, { attempts: successes + failures, timed: 0, sumMs: 0, maxMs: 0 });
  }

  /** Call it after each tick. */
  note(health: readonly CollectorHealth[]): void {
    this.#newest = health;
    let tickMs = 0;
    let isReading = false;
    for (const { name, successes, failures, lastDurationMs } of health) {
      const cost = this.#costs.get(name) ?? { attempts: 0, timed: 0, sumMs: 0, maxMs: 0 };
      this.#costs.set(name, cost);
      if (successes + failures === cost.attempts || lastDurationMs === undefined) continue;
      cost.attempts = successes + failures;
      cost.timed += 1;
      cost.sumMs += lastDurationMs;
      cost.maxMs = Math.max(cost.maxMs, lastDurationMs);
      tickMs += lastDurationMs;
      isReading ||= successes > 0;
    }
    if (!isReading) return;
    this.#readings += 1;
    this.#sumMs += tickMs;
    this.#maxMs = Math.max(this.#maxMs, tickMs);
  }

  /** Readings of the collector that made most of them. */
  get readings(): number {
    return Math.max(0, ...this.#newest.map(({ successes }) => successes));
  }

  /** Readings that were skipped or came too late, of the collector that has most of them. */
  get drops(): number {
    return Math.max(0, ...this.#newest.map(({ drops }) => drops));
  }

  /**
   * What a reading took: all collectors of a tick together. Undefined where nothing was read.
   * @param cpuMs processor time of the whole process in all of it
   */
  overhead(cpuMs: number): ReadingOverhead | undefined {
    if (this.#readings === 0) return undefined;
    const mean = (sum: number): number => microseconds(sum / this.#readings);
    return {
      readings: this.#readings,
      meanMs: mean(this.#sumMs),
      maxMs: microseconds(this.#maxMs),
      cpuMs: mean(cpuMs),
    };
  }

  /** A line for each collector, as it stood at the newest tick. */
  lines(atMs: number): CollectorObservation[] {
    return this.#newest.map((health) => collectorLine(atMs, health, this.#costs.get(health.name)));
  }
}

/** The harness's word as the recording has it, with the durations of this recording's readings. */
function collectorLine(
  atMs: number,
  { name, state, detail, successes, failures, drops }: CollectorHealth,
  cost: Cost | undefined,
): CollectorObservation {
  const line = { name, state, detail, readings: successes, failures, drops };
  if (!cost || cost.timed === 0) return { kind: "collector", atMs, ...line };
  return {
    kind: "collector",
    atMs,
    ...line,
    meanDurationMs: microseconds(cost.sumMs / cost.timed),
    maxDurationMs: microseconds(cost.maxMs),
  };
}

/** Timers are no finer, and a line needs no more digits. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
