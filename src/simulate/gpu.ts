import type { DeviceModel } from "./device-models.ts";
import type { Conditions } from "./operating.ts";
import type { SimulatedProcess } from "./process.ts";
import { emptyTotals, type Totals } from "./totals.ts";
import { RESOURCES } from "./resources.ts";

/** A stretch in which something other than power holds the clock down. */
export interface ClockLimit {
  fromSecond: number;
  toSecond: number;
  maxMHz: number;
  /** Bits of NVML's clock event reasons. */
  reason: number;
}

/** A device over one short moment. */
export interface Moment {
  totals: Totals;
  /** What it truly drew, on average. */
  watts: number;
  /** Somebody holds it. */
  held: boolean;
  memoryBytes: number;
  /** Bits of NVML's clock event reasons, of a limit that is not the power's. */
  limitReason: number;
}

/** One device and who is on it. */
export class SimulatedGpu {
  readonly model: DeviceModel;
  readonly processes: readonly SimulatedProcess[];
  readonly #limits: readonly ClockLimit[];
  readonly #free: Conditions;
  readonly #limited: ReadonlyMap<ClockLimit, Conditions>;

  constructor(
    model: DeviceModel,
    powerLimitWatts: number,
    processes: readonly SimulatedProcess[],
    limits: readonly ClockLimit[],
  ) {
    this.model = model;
    this.processes = processes;
    this.#limits = limits;
    this.#free = { model, powerLimitWatts, maxClockMHz: model.maxClockMHz };
    this.#limited = new Map(
      limits.map((limit) => [limit, { ...this.#free, maxClockMHz: limit.maxMHz }]),
    );
  }

  /**
   * Lives through `wall` seconds from `second` on. Processes take turns: each that could run gets an
   * equal share of the time, so the shares never come to more than the whole.
   */
  advance(second: number, wall: number): Moment {
    const limit = this.#limits.find(
      ({ fromSecond, toSecond }) => fromSecond <= second && second < toSecond,
    );
    const conditions = (limit && this.#limited.get(limit)) ?? this.#free;
    const totals = emptyTotals();
    const wanting = this.processes.filter((each) => each.wantsDevice(second, wall)).length;
    let [held, memoryBytes] = [false, 0];
    for (const process of this.processes) {
      if (!process.isAlive(second)) continue;
      held = true;
      memoryBytes += process.plan.memoryAt(second);
      process.advance(second, wall, wanting === 0 ? 0 : 1 / wanting, conditions, totals);
    }
    totals.seconds = wall;
    // Several copies at once share the link and the memory that each had alone.
    for (const resource of RESOURCES) totals.use[resource] = Math.min(totals.use[resource], wall);
    const still = this.model.restWatts + (held ? this.model.contextWatts : 0);
    const watts = Math.min(still + totals.joules / wall, this.#free.powerLimitWatts);
    return { totals, watts, held, memoryBytes, limitReason: limit?.reason ?? 0 };
  }
}
