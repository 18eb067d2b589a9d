import type { DeviceModel } from "./device-models.ts";
import type { Kernel, Part, Work } from "./kernel.ts";
import { none, type PerResource, PIPES, RESOURCES, type Resource } from "./resources.ts";

/*
 * The roofline with a ceiling for each resource (Williams, Waterman and Patterson, 2009): a kernel
 * runs at the rate that the resource of which it needs the largest share allows. Power is what the
 * units' activity takes, and where that is more than the limit the clock gives way.
 */

/** A device under the conditions of a moment. */
export interface Conditions {
  model: DeviceModel;
  powerLimitWatts: number;
  /** The highest clock allowed now. */
  maxClockMHz: number;
}

/** What a device does while it runs one kind of work. Ratios are over the whole of its time. */
export interface Operating {
  unitsPerSecond: number;
  clockMHz: number;
  /** The power limit holds the clock down. */
  capped: boolean;
  /** Any kernel runs. */
  busy: number;
  smActive: number;
  smOccupancy: number;
  /** Of the peak at this clock. */
  use: PerResource;
  /** Beyond rest and context. */
  watts: number;
  /** Seconds of each kernel in one unit of work. */
  kernels: readonly { kernel: Kernel; seconds: number }[];
}

/** The clock moves in steps of this size. */
export const CLOCK_STEP_MHZ = 15;

/**
 * Watts of a unit that works all the time at the highest clock, of what the board has between rest
 * and its limit. Round numbers: a tensor-bound load comes near the limit, one bound by arithmetic
 * to three quarters, one bound by memory to the half. Sums above 1 are what power limits are for.
 */
const COEFFICIENTS: Readonly<PerResource> = {
  tensor16: 0.8,
  tensor8: 0.8,
  fp64: 0.75,
  fp32: 0.55,
  fp16: 0.5,
  int32: 0.62,
  dram: 0.4,
  pcieRx: 0.02,
  pcieTx: 0.02,
  nvlinkRx: 0.03,
  nvlinkTx: 0.03,
};
const SM_COEFFICIENT = 0.15;

/** Half of the multiprocessors already keep the memory busy: latency is hidden by then. */
const MEMORY_PER_SM_SHARE = 2;

/** Voltage over that at the highest clock, by the clock's share: about 0.65 V to 1.05 V on silicon. */
function voltage(clockShare: number): number {
  return 0.6 + 0.4 * clockShare;
}

/** At the highest clock that the power limit leaves. */
export function operatingOf(work: Work, conditions: Conditions): Operating {
  const { model } = conditions;
  const room = conditions.powerLimitWatts - model.restWatts - model.contextWatts;
  const highest = Math.max(conditions.maxClockMHz, model.minClockMHz);
  const free = operatingAt(work, model, highest);
  if (free.watts <= room) return free;
  let [low, high] = [0, Math.ceil((highest - model.minClockMHz) / CLOCK_STEP_MHZ)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const clock = Math.max(model.minClockMHz, highest - CLOCK_STEP_MHZ * middle);
    if (operatingAt(work, model, clock).watts <= room) high = middle;
    else low = middle + 1;
  }
  const clock = Math.max(model.minClockMHz, highest - CLOCK_STEP_MHZ * low);
  const found = { ...operatingAt(work, model, clock), capped: true };
  // Not even the lowest clock is enough: the board skips cycles.
  return found.watts > room ? slowed(found, Math.max(0, room) / found.watts) : found;
}

export function operatingAt(work: Work, model: DeviceModel, clockMHz: number): Operating {
  const whole = { seconds: 0, busy: 0, sm: 0, occupancy: 0, watts: 0 };
  const use = none();
  const kernels: { kernel: Kernel; seconds: number }[] = [];
  for (const part of work.parts) {
    const seconds = secondsOf(part, model, clockMHz);
    whole.seconds += seconds;
    if (!("kernel" in part)) continue;
    const { kernel } = part;
    kernels.push({ kernel, seconds });
    const uses = usesOf(kernel, model, clockMHz);
    for (const resource of RESOURCES) use[resource] += uses[resource] * seconds;
    whole.busy += seconds;
    whole.sm += kernel.smShare * seconds;
    whole.occupancy += kernel.smShare * kernel.occupancy * seconds;
    whole.watts += wattsOf(uses, kernel.smShare, model, clockMHz) * seconds;
  }
  for (const resource of RESOURCES) use[resource] /= whole.seconds;
  return {
    unitsPerSecond: 1 / whole.seconds,
    clockMHz,
    capped: false,
    busy: whole.busy / whole.seconds,
    smActive: whole.sm / whole.seconds,
    smOccupancy: whole.occupancy / whole.seconds,
    use,
    watts: whole.watts / whole.seconds,
    kernels,
  };
}

/** Units a second under every ceiling: the least that any resource allows. */
export function rateOf(kernel: Kernel, model: DeviceModel, clockMHz: number): number {
  let rate = Infinity;
  for (const resource of RESOURCES) {
    const each = kernel.work[resource];
    if (each) rate = Math.min(rate, ceilingOf(resource, kernel, model, clockMHz) / each);
  }
  return rate * kernel.efficiency;
}

/** Watts that bytes over a link and into memory take, without any kernel. */
export function copyWatts(use: Readonly<PerResource>, model: DeviceModel): number {
  return wattsOf(use, 0, model, model.maxClockMHz);
}

function secondsOf(part: Part, model: DeviceModel, clockMHz: number): number {
  return "kernel" in part ? part.units / rateOf(part.kernel, model, clockMHz) : part.gapSeconds;
}

function ceilingOf(
  resource: Resource,
  { smShare }: Kernel,
  model: DeviceModel,
  clockMHz: number,
): number {
  const peak = model.peaks[resource];
  if (PIPES.has(resource)) return peak * smShare * (clockMHz / model.maxClockMHz);
  return resource === "dram" ? peak * Math.min(1, MEMORY_PER_SM_SHARE * smShare) : peak;
}

/** Of each peak at this clock: what the counters of the device show while the kernel runs. */
function usesOf(kernel: Kernel, model: DeviceModel, clockMHz: number): PerResource {
  const rate = rateOf(kernel, model, clockMHz);
  const use = none();
  for (const resource of RESOURCES) {
    const clock = PIPES.has(resource) ? clockMHz / model.maxClockMHz : 1;
    const each = kernel.work[resource] ?? 0;
    if (each > 0) use[resource] = (rate * each) / (model.peaks[resource] * clock);
  }
  return use;
}

function wattsOf(
  use: Readonly<PerResource>,
  smActive: number,
  model: DeviceModel,
  clockMHz: number,
): number {
  const share = clockMHz / model.maxClockMHz;
  const switching = share * voltage(share) ** 2;
  let watts = SM_COEFFICIENT * smActive * switching;
  for (const resource of RESOURCES)
    watts += COEFFICIENTS[resource] * use[resource] * (PIPES.has(resource) ? switching : 1);
  return watts * (model.powerLimitWatts - model.restWatts);
}

function slowed(at: Operating, factor: number): Operating {
  const use = none();
  for (const resource of RESOURCES) use[resource] = at.use[resource] * factor;
  return {
    ...at,
    use,
    unitsPerSecond: at.unitsPerSecond * factor,
    smActive: at.smActive * factor,
    smOccupancy: at.smOccupancy * factor,
    watts: at.watts * factor,
  };
}
