import { quantile } from "d3-array";
import type { Interval } from "./intervals.ts";
import { windowLengthMs } from "../model/window.ts";

/** Clocks and voltage take some seconds to fall after the last kernel. */
const SETTLE_MS = 5000;
/** Idle time that makes one value: counters of energy are renewed ten times a second at best. */
const VALUE_MS = 1000;
/** So many values, a second each or longer, are kept of each state: ten minutes of rest. */
const KEPT = 600;
/** Fewer are no measurement yet. */
const ENOUGH = 5;
/** The lowest are the sensor's noise, and the higher ones still settling. */
const QUANTILE = 0.1;
/** Memory in use beyond the lowest seen at rest by this much is held by somebody. */
const HELD_BYTES = 100 * 2 ** 20;

/**
 * What one device draws at rest, learnt from its own idle intervals: undefined until some were seen.
 * Where a process holds memory, clocks stay up and rest costs more. That is what holding costs, not
 * what the device draws anyway: readings with nobody's memory held are preferred once there are enough.
 * Bounded; no clock of its own.
 */
export class IdlePower {
  private readonly free: number[] = [];
  private readonly held: number[] = [];
  private lowestBytes = Infinity;
  private idleSinceMs: number | undefined;
  private open = { energyMj: 0, timeMs: 0, isHeld: false };
  private cached: { watts: number | undefined } | undefined;

  /** Milliwatts would be no truer: sensors err by some per cent. */
  get watts(): number | undefined {
    this.cached ??= { watts: lowOf(this.free) ?? lowOf(this.held) };
    return this.cached.watts;
  }

  /** What the device would have drawn in an interval anyway, in whole millijoules: no more than it drew. */
  partOf(interval: Interval): number | undefined {
    const { energyMj } = interval;
    if (energyMj === undefined || this.watts === undefined) return undefined;
    return Math.min(energyMj, Math.round(this.watts * windowLengthMs(interval)));
  }

  /** Takes the next interval of the device, in time order. */
  note(interval: Interval): void {
    if (interval.activity !== "idle" || interval.energyMj === undefined) {
      this.idleSinceMs = interval.activity === "idle" ? this.idleSinceMs : undefined;
      this.open = { energyMj: 0, timeMs: 0, isHeld: false };
      return;
    }
    this.idleSinceMs ??= interval.fromMs;
    if (interval.fromMs - this.idleSinceMs < SETTLE_MS) return;
    const { open } = this;
    open.energyMj += interval.energyMj;
    open.timeMs += windowLengthMs(interval);
    if (this.isHeld(interval.sample.memUsedBytes)) open.isHeld = true;
    if (open.timeMs < VALUE_MS) return;
    this.keep(open.energyMj / open.timeMs, open.isHeld);
    this.open = { energyMj: 0, timeMs: 0, isHeld: false };
  }

  private keep(watts: number, isHeld: boolean): void {
    const values = isHeld ? this.held : this.free;
    values.push(watts);
    if (values.length > KEPT) values.shift();
    this.cached = undefined;
  }

  private isHeld(memUsedBytes: number | undefined): boolean {
    if (memUsedBytes === undefined) return false;
    if (memUsedBytes < this.lowestBytes - HELD_BYTES) {
      // What passed for free until now had somebody's memory in it.
      this.held.push(...this.free.splice(0));
      this.held.splice(0, Math.max(0, this.held.length - KEPT));
      this.cached = undefined;
    }
    this.lowestBytes = Math.min(this.lowestBytes, memUsedBytes);
    return memUsedBytes > this.lowestBytes + HELD_BYTES;
  }
}

function lowOf(values: readonly number[]): number | undefined {
  return values.length < ENOUGH ? undefined : quantile(values, QUANTILE);
}
