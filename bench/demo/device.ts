import type { GpuReadings } from "../../src/model/sample.ts";
import { bell, type Random } from "./random.ts";

/*
 * A GPU made up for the demonstration. Nothing in it was fitted to a recording: the weights are
 * round numbers chosen so that a tensor-bound load comes near the power limit, a bandwidth-bound
 * one to two thirds of it, and a device that only holds memory draws a sixth.
 */

/** What a workload asks of the device in one step of a tenth of a second. Ratios but for bytes. */
export interface Load {
  sm: number;
  occupancy: number;
  tensor: number;
  dram: number;
  int: number;
  fp32: number;
  fp16: number;
  pcieRx: number;
  pcieTx: number;
  memoryBytes: number;
}

export const GIB = 2 ** 30;
export const STEP_SECONDS = 0.1;
export const STEPS_PER_SAMPLE = 10;
export const POWER_LIMIT_WATTS = 700;

export const NOTHING: Load = {
  sm: 0,
  occupancy: 0,
  tensor: 0,
  dram: 0,
  int: 0,
  fp32: 0,
  fp16: 0,
  pcieRx: 20e3,
  pcieTx: 20e3,
  memoryBytes: 0.45 * GIB,
};

/** Watts of a bare device, of a held context, and of each unit running all the time. */
const WATTS = { bare: 64, context: 46, sm: 140, tensor: 480, dram: 260, int: 420, fp32: 220 };
const AMBIENT_C = 27;
const C_PER_WATT = 0.055;
/** The board warms with this time constant. */
const THERMAL_SECONDS = 35;
/** The power sensor shows a running mean with this time constant. */
const SENSOR_SECONDS = 0.5;
const MAX_CLOCK_MHZ = 1980;
const IDLE_CLOCK_MHZ = 345;
const MEMORY_CLOCK_MHZ = 2619;
const REASON_IDLE = 1;
const REASON_POWER_CAP = 4;

/** Steps a made-up device through loads and reads its sensors, in the units of the format. */
export class DemoDevice {
  readonly #random: Random;
  #energyJoules: number;
  #sensorWatts = WATTS.bare;
  #tempC = AMBIENT_C + WATTS.bare * C_PER_WATT;
  #steps: { load: Load; capped: boolean }[] = [];

  constructor(random: Random, energyJoules: number) {
    this.#random = random;
    this.#energyJoules = energyJoules;
  }

  step(load: Load): void {
    const wanted = wattsOf(load) * (1 + 0.012 * bell(this.#random));
    const watts = Math.min(wanted, POWER_LIMIT_WATTS);
    this.#energyJoules += watts * STEP_SECONDS;
    this.#sensorWatts += (watts - this.#sensorWatts) * (STEP_SECONDS / SENSOR_SECONDS);
    const restC = AMBIENT_C + watts * C_PER_WATT;
    this.#tempC += (restC - this.#tempC) * (STEP_SECONDS / THERMAL_SECONDS);
    this.#steps.push({ load, capped: wanted > POWER_LIMIT_WATTS });
  }

  /** What the sensors say of the steps since the last reading. */
  read(): GpuReadings {
    const steps = this.#steps;
    this.#steps = [];
    const busy = steps.filter(({ load }) => load.sm > 0.01).length / Math.max(1, steps.length);
    const mean = (field: keyof Load): number =>
      steps.reduce((sum, { load }) => sum + load[field], 0) / Math.max(1, steps.length);
    const capped = steps.some((step) => step.capped);
    return {
      gpuUtil: round(busy, 2),
      memUtil: round(Math.min(1, mean("dram") * 0.95), 2),
      memUsedBytes: Math.round((mean("memoryBytes") / 2 ** 20) | 0) * 2 ** 20,
      powerWatts: round(this.#sensorWatts, 1),
      energyJoules: round(this.#energyJoules, 1),
      tempC: Math.round(this.#tempC),
      smClockMHz: this.#clock(busy, capped),
      memClockMHz: MEMORY_CLOCK_MHZ,
      clockEventReasons: busy === 0 ? REASON_IDLE : capped ? REASON_POWER_CAP : 0,
      pcieTxBytesPerSec: this.#noisy(mean("pcieTx"), 0.03, 1e-4),
      pcieRxBytesPerSec: this.#noisy(mean("pcieRx"), 0.03, 1e-4),
      smActive: this.#noisy(mean("sm"), 0.01, 1000),
      smOccupancy: this.#noisy(mean("occupancy"), 0.01, 1000),
      tensorActive: this.#noisy(mean("tensor"), 0.01, 1000),
      dramActive: this.#noisy(mean("dram"), 0.01, 1000),
      intActive: this.#noisy(mean("int"), 0.01, 1000),
      fp64Active: 0,
      fp32Active: this.#noisy(mean("fp32"), 0.01, 1000),
      fp16Active: this.#noisy(mean("fp16"), 0.01, 1000),
    };
  }

  #clock(busy: number, capped: boolean): number {
    if (busy === 0) return IDLE_CLOCK_MHZ;
    // The clock moves in steps of 15 MHz; a device at its power limit gives some of it up.
    const down = capped ? 6 + Math.floor(this.#random() * 6) : 0;
    return MAX_CLOCK_MHZ - 15 * down;
  }

  #noisy(value: number, spread: number, scale: number): number {
    const noisy = value * (1 + spread * bell(this.#random));
    const rounded = Math.round(noisy * scale) / scale;
    return scale > 1 ? Math.min(1, Math.max(0, rounded)) : Math.max(0, rounded);
  }
}

function wattsOf(load: Load): number {
  const context = load.memoryBytes > NOTHING.memoryBytes ? WATTS.context : 0;
  return (
    WATTS.bare +
    context +
    WATTS.sm * load.sm +
    WATTS.tensor * load.tensor +
    WATTS.dram * load.dram +
    WATTS.int * load.int +
    WATTS.fp32 * load.fp32
  );
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
