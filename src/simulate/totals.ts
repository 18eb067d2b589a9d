import { addTimes, none, type PerResource } from "./resources.ts";

/** What was used over a stretch of time: each figure is its ratio times the seconds it held. */
export interface Totals {
  seconds: number;
  busy: number;
  smActive: number;
  smOccupancy: number;
  use: PerResource;
  /** Of kernels and copies, beyond rest and context. */
  joules: number;
  /** Clock times busy seconds. */
  clock: number;
  /** Seconds in which the power limit held the clock down. */
  capped: number;
}

export function emptyTotals(): Totals {
  return {
    seconds: 0,
    busy: 0,
    smActive: 0,
    smOccupancy: 0,
    use: none(),
    joules: 0,
    clock: 0,
    capped: 0,
  };
}

export function addTotals(to: Totals, from: Readonly<Totals>): void {
  to.seconds += from.seconds;
  to.busy += from.busy;
  to.smActive += from.smActive;
  to.smOccupancy += from.smOccupancy;
  addTimes(to.use, from.use, 1);
  to.joules += from.joules;
  to.clock += from.clock;
  to.capped += from.capped;
}
