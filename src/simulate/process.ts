import { only, type Kernel, type Work } from "./kernel.ts";
import { copyWatts, type Conditions, type Operating, operatingOf } from "./operating.ts";
import { type Action, type Program, SPIN, type Surroundings } from "./program.ts";
import { addTimes, none } from "./resources.ts";
import type { Totals } from "./totals.ts";

/** When the program is held still: a miner that pauses. */
export interface Rhythm {
  isOn: (second: number) => boolean;
}

export interface ProcessPlan {
  fromSecond: number;
  toSecond: number;
  /** Bytes held at a moment of its life. */
  memoryAt: (second: number) => number;
  program: (surroundings: Surroundings) => Program;
  random: Surroundings["random"];
  rhythm: Rhythm;
  /** Somebody asks for its launches: else none are counted. */
  traced: boolean;
}

/** Shorter than anything that is told apart: it ends loops over what is left of a moment. */
const INSTANT = 1e-9;
const SPINNING = only(SPIN);

/** One process on one device: runs its program through time at the share that it is given. */
export class SimulatedProcess {
  readonly plan: ProcessPlan;
  /** Since the books were last read. */
  #books = { busy: 0, dram: 0 };
  readonly #launches = new Map<Kernel, number>();
  readonly #operating = new WeakMap<Work, { of: Conditions; at: Operating }>();
  #conditions: Conditions | undefined;
  #program: Program | undefined;
  #action: Action | undefined;
  /** Units or seconds left of the action. */
  #left = 0;
  #ticket: number | undefined;
  #now = 0;

  constructor(plan: ProcessPlan) {
    this.plan = plan;
  }

  isAlive(second: number): boolean {
    return second >= this.plan.fromSecond && second < this.plan.toSecond;
  }

  /** Whether it could run a kernel before `second + wall`. */
  wantsDevice(second: number, wall: number): boolean {
    if (!this.isAlive(second) || !this.#isOn(second)) return false;
    const action = this.#action;
    if (action?.do === "wait") return this.#left < wall;
    return action?.do === "until" ? action.second < second + wall : true;
  }

  /** Runs for `wall` seconds with `share` of the device, and adds what it used. */
  advance(second: number, wall: number, share: number, conditions: Conditions, into: Totals): void {
    if (!this.isAlive(second) || !this.#isOn(second)) return;
    this.#conditions = conditions;
    this.#now = second;
    const end = second + wall;
    while (end - this.#now > INSTANT) {
      const left = end - this.#now;
      const before = this.#now;
      const took = this.#act(left, share, into);
      this.#now = before + Math.min(left, took);
    }
  }

  /** Seconds of the device, and of its memory at full use, since the last call. */
  readBooks(): { busy: number; dram: number } {
    const books = this.#books;
    this.#books = { busy: 0, dram: 0 };
    return books;
  }

  /** Seconds of each kernel since the last call. */
  readLaunches(): [Kernel, number][] {
    const launches = [...this.#launches];
    this.#launches.clear();
    return launches;
  }

  #isOn(second: number): boolean {
    return this.plan.rhythm.isOn(second);
  }

  /** @returns the seconds it took, `left` at most unless rounding adds to them */
  #act(left: number, share: number, used: Totals): number {
    const action = this.#action ?? this.#next();
    switch (action.do) {
      case "run":
        return this.#run(action, left, share, used);
      case "wait": {
        const took = Math.min(left, this.#left);
        this.#copy(action, took, used);
        return this.#progress(took, took);
      }
      case "until": {
        const away = action.second - this.#now;
        return this.#progress(Math.min(left, away), 0, away <= left);
      }
      case "meet":
        this.#ticket ??= action.at.arrive();
        if (action.at.isOver(this.#ticket)) return this.#progress(0, 0, true);
        this.#use(this.#operatingOf(SPINNING), left * share, 1, used);
        return left;
    }
  }

  #next(): Action {
    const { random } = this.plan;
    this.#program ??= this.plan.program({ random, now: () => this.#now });
    const { value, done } = this.#program.next();
    // A program that came to its end waits for the end of its process.
    const action: Action = done ? { do: "until", second: Infinity } : value;
    this.#action = action;
    this.#left = action.do === "run" ? action.units : action.do === "wait" ? action.seconds : 0;
    this.#ticket = undefined;
    return action;
  }

  #run(
    { work, pace = 1 }: Extract<Action, { do: "run" }>,
    left: number,
    share: number,
    used: Totals,
  ): number {
    if (share <= 0) return left;
    const at = this.#operatingOf(work);
    const perSecond = at.unitsPerSecond * pace * share;
    const took = Math.min(left, this.#left / perSecond);
    this.#use(at, took * share, pace, used);
    if (this.plan.traced) this.#trace(at, took * share);
    return this.#progress(took, took * perSecond);
  }

  #progress(
    took: number,
    done: number,
    isDone: boolean = this.#left - done <= INSTANT * this.#left,
  ): number {
    this.#left -= done;
    if (isDone) this.#action = undefined;
    return Math.max(INSTANT, took);
  }

  #use(at: Operating, seconds: number, pace: number, used: Totals): void {
    used.seconds += seconds;
    used.busy += at.busy * seconds;
    used.smActive += at.smActive * seconds;
    used.smOccupancy += at.smOccupancy * seconds;
    addTimes(used.use, at.use, pace * seconds);
    used.joules += at.watts * pace * seconds;
    this.#books.busy += at.busy * seconds;
    this.#books.dram += at.use.dram * pace * seconds;
    used.clock += at.clockMHz * at.busy * seconds;
    if (at.capped) used.capped += seconds;
  }

  #trace(at: Operating, deviceSeconds: number): void {
    for (const { kernel, seconds } of at.kernels) {
      const before = this.#launches.get(kernel) ?? 0;
      this.#launches.set(kernel, before + seconds * at.unitsPerSecond * deviceSeconds);
    }
  }

  /** The copy engines: no kernel, but bytes over PCIe that go into memory or come from it. */
  #copy(action: Extract<Action, { do: "wait" }>, seconds: number, used: Totals): void {
    const [rx, tx] = [action.rx ?? 0, action.tx ?? 0];
    if (rx + tx === 0 || this.#conditions === undefined) return;
    const { model } = this.#conditions;
    const use = none();
    use.pcieRx = Math.min(1, rx / model.peaks.pcieRx);
    use.pcieTx = Math.min(1, tx / model.peaks.pcieTx);
    const bytes = use.pcieRx * model.peaks.pcieRx + use.pcieTx * model.peaks.pcieTx;
    use.dram = Math.min(1, bytes / model.peaks.dram);
    addTimes(used.use, use, seconds);
    used.joules += copyWatts(use, model) * seconds;
  }

  #operatingOf(work: Work): Operating {
    const conditions = this.#conditions;
    if (conditions === undefined) throw new Error("a process runs on a device");
    const known = this.#operating.get(work);
    if (known && known.of === conditions) return known.at;
    const at = operatingOf(work, conditions);
    this.#operating.set(work, { of: conditions, at });
    return at;
  }
}
