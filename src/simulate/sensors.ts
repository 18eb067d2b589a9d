import type { DeviceModel } from "./device-models.ts";
import type { Moment } from "./gpu.ts";
import type { GpuQuantity, GpuReadings } from "../model/sample.ts";
import { bell, type Random } from "./random.ts";
import type { Resource } from "./resources.ts";
import { addTotals, emptyTotals, type Totals } from "./totals.ts";

/** How much of a device can be read. */
export const COUNTER_SETS = ["full", "nvml", "power-and-util"] as const;
export type CounterSet = (typeof COUNTER_SETS)[number];

const POWER_AND_UTIL = ["gpuUtil", "powerWatts"] as const satisfies readonly GpuQuantity[];
const NVML = [
  ...POWER_AND_UTIL,
  "memUtil",
  "memUsedBytes",
  "energyJoules",
  "tempC",
  "smClockMHz",
  "memClockMHz",
  "clockEventReasons",
  "pcieTxBytesPerSec",
  "pcieRxBytesPerSec",
] as const satisfies readonly GpuQuantity[];
const FULL = [
  ...NVML,
  "nvlinkTxBytesPerSec",
  "nvlinkRxBytesPerSec",
  "smActive",
  "smOccupancy",
  "tensorActive",
  "dramActive",
  "intActive",
  "fp64Active",
  "fp32Active",
  "fp16Active",
  "hmmaActive",
  "immaActive",
  "dfmaActive",
] as const satisfies readonly GpuQuantity[];

/** The quantities each set has. */
export const MEASURED: Readonly<Record<CounterSet, readonly GpuQuantity[]>> = {
  full: FULL,
  nvml: NVML,
  "power-and-util": POWER_AND_UTIL,
};

export interface SensorSettings {
  counters: CounterSet;
  /** Time constant of the running mean that the power sensor shows; 0 for none. */
  powerAverageSeconds: number;
  /** How often it shows a new value; 0 for always. */
  powerRefreshSeconds: number;
  /** Over which utilisation is counted, and how often it is renewed. */
  utilWindowSeconds: number;
  /** Standard deviations of readings, as shares of what is read. */
  powerNoise: number;
  counterNoise: number;
}

/** NVML measures PCIe traffic over so long before a reading; the profiling counters since the last. */
const PCIE_WINDOW_SECONDS = 0.02;
const AMBIENT_C = 27;
/** A board at its limit is so much warmer than the air. */
const LIMIT_C = 45;
/** The board warms with this time constant. */
const THERMAL_SECONDS = 35;
/** Half a millisecond of work is nothing to a sensor that counts hundredths. */
const TRUE_NOTHING = 1e-6;
/** What the driver holds for itself. */
const DRIVER_BYTES = 0.45 * 2 ** 30;
const PAGE_BYTES = 2 ** 20;
/** A link at rest still carries this, bytes a second. */
const LINK_REST = 20e3;
const REASON_IDLE = 1;
const REASON_POWER_CAP = 4;

/** Turns what a device did into what its sensors say. */
export class Sensors {
  readonly #model: DeviceModel;
  readonly #settings: SensorSettings;
  readonly #random: Random;
  #energyJoules: number;
  #meanWatts: number;
  #shownWatts: number;
  #sinceShown = 0;
  #tempC: number;
  #window = emptyTotals();
  #util = { gpu: 0, mem: 0 };
  #interval = emptyTotals();
  #recent: Totals[] = [];
  #last: Moment | undefined;

  constructor(model: DeviceModel, settings: SensorSettings, random: Random, energyJoules: number) {
    this.#model = model;
    this.#settings = settings;
    this.#random = random;
    this.#energyJoules = energyJoules;
    this.#meanWatts = model.restWatts;
    this.#shownWatts = model.restWatts;
    this.#tempC = this.#restC(model.restWatts);
  }

  /** A moment went by. */
  observe(moment: Moment): void {
    const { totals, watts } = moment;
    const { seconds } = totals;
    const { powerAverageSeconds, powerRefreshSeconds, utilWindowSeconds } = this.#settings;
    this.#last = moment;
    this.#energyJoules += watts * seconds;
    this.#meanWatts += (watts - this.#meanWatts) * (seconds / (powerAverageSeconds + seconds));
    this.#tempC += (this.#restC(watts) - this.#tempC) * (seconds / (THERMAL_SECONDS + seconds));
    this.#sinceShown += seconds;
    if (this.#sinceShown >= powerRefreshSeconds - TRUE_NOTHING) this.#showPower();
    addTotals(this.#interval, totals);
    addTotals(this.#window, totals);
    if (this.#window.seconds >= utilWindowSeconds - TRUE_NOTHING) this.#showUtil();
    this.#recent.push(totals);
    if (this.#recent.length > Math.max(1, Math.round(PCIE_WINDOW_SECONDS / seconds)))
      this.#recent.shift();
  }

  /** All the sensors at this moment, those that are not measured left out. */
  read(): GpuReadings {
    const all = this.#all();
    this.#interval = emptyTotals();
    return Object.fromEntries(
      MEASURED[this.#settings.counters].map((quantity) => [quantity, all[quantity]]),
    );
  }

  #all(): GpuReadings {
    const { model } = { model: this.#model };
    const of = this.#interval;
    const pcie = this.#settings.counters === "full" ? of : this.#recentTotals();
    const share = (...resources: Resource[]): number =>
      this.#counter(resources.reduce((sum, resource) => sum + of.use[resource], 0) / of.seconds);
    const link = (totals: Totals, resource: Resource, rest: number): number =>
      Math.round(
        this.#noisy((totals.use[resource] / totals.seconds) * model.peaks[resource]) +
          (rest === 0 ? 0 : this.#noisy(rest)),
      );
    return {
      gpuUtil: this.#util.gpu,
      memUtil: this.#util.mem,
      memUsedBytes:
        Math.round((DRIVER_BYTES + (this.#last?.memoryBytes ?? 0)) / PAGE_BYTES) * PAGE_BYTES,
      powerWatts: this.#shownWatts,
      energyJoules: round(this.#energyJoules, 3),
      tempC: Math.round(this.#tempC),
      ...this.#clocks(),
      pcieTxBytesPerSec: link(pcie, "pcieTx", LINK_REST),
      pcieRxBytesPerSec: link(pcie, "pcieRx", LINK_REST),
      nvlinkTxBytesPerSec: link(of, "nvlinkTx", 0),
      nvlinkRxBytesPerSec: link(of, "nvlinkRx", 0),
      smActive: this.#counter(of.smActive / of.seconds),
      smOccupancy: this.#counter(of.smOccupancy / of.seconds),
      tensorActive: share("tensor16", "tensor8"),
      dramActive: share("dram"),
      intActive: share("int32"),
      fp64Active: share("fp64"),
      fp32Active: share("fp32"),
      fp16Active: share("fp16"),
      hmmaActive: share("tensor16"),
      immaActive: share("tensor8"),
      dfmaActive: 0,
    };
  }

  #clocks(): GpuReadings {
    const { maxClockMHz, idleClockMHz, memoryClockMHz } = this.#model;
    const last = this.#last;
    const memClockMHz = memoryClockMHz;
    const busy = last?.totals.busy ?? 0;
    if (!last || busy < TRUE_NOTHING) {
      const smClockMHz = last?.held ? maxClockMHz : idleClockMHz;
      return { smClockMHz, memClockMHz, clockEventReasons: REASON_IDLE };
    }
    const capped = this.#interval.capped > TRUE_NOTHING ? REASON_POWER_CAP : 0;
    const smClockMHz = Math.round(last.totals.clock / busy);
    return { smClockMHz, memClockMHz, clockEventReasons: capped | last.limitReason };
  }

  #recentTotals(): Totals {
    const sum = emptyTotals();
    for (const each of this.#recent) addTotals(sum, each);
    return sum;
  }

  #showPower(): void {
    this.#sinceShown = 0;
    const noisy = this.#meanWatts * (1 + this.#settings.powerNoise * bell(this.#random));
    this.#shownWatts = Math.max(0, round(noisy, 2));
  }

  #showUtil(): void {
    const { busy, use, seconds } = this.#window;
    this.#util = { gpu: percent(busy / seconds), mem: percent(use.dram / seconds) };
    this.#window = emptyTotals();
  }

  #counter(value: number): number {
    return Math.min(1, Math.max(0, round(this.#noisy(value), 4)));
  }

  #noisy(value: number): number {
    return Math.max(0, value * (1 + this.#settings.counterNoise * bell(this.#random)));
  }

  #restC(watts: number): number {
    return AMBIENT_C + LIMIT_C * (watts / this.#model.powerLimitWatts);
  }
}

/** NVML counts whole hundredths. */
function percent(ratio: number): number {
  return Math.min(1, Math.round(ratio * 100) / 100);
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
