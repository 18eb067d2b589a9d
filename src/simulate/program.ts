import type { Kernel, Work } from "./kernel.ts";
import type { Random } from "./random.ts";

/** What a program does next on its device. */
export type Action =
  /** Runs kernels; `pace` below 1 is a step that goes less smoothly. */
  | { do: "run"; work: Work; units: number; pace?: number | undefined }
  /** The host works and the device waits; bytes a second may go over PCIe meanwhile. */
  | { do: "wait"; seconds: number; rx?: number | undefined; tx?: number | undefined }
  /** Waits for a moment, in seconds since the recording's start. */
  | { do: "until"; second: number }
  /** Waits in a collective until every rank is there, spinning on the device. */
  | { do: "meet"; at: Meeting };

export type Program = Generator<Action, void, undefined>;

/** What a program may know. */
export interface Surroundings {
  /** Seconds since the recording's start. */
  now: () => number;
  random: Random;
}

/** Where the ranks of a job wait for each other. */
export class Meeting {
  readonly #ranks: number;
  #here = 0;
  #times = 0;

  constructor(ranks: number) {
    this.#ranks = ranks;
  }

  /** @returns the ticket to ask {@link isOver} with */
  arrive(): number {
    const ticket = this.#times;
    this.#here += 1;
    if (this.#here === this.#ranks) {
      this.#here = 0;
      this.#times += 1;
    }
    return ticket;
  }

  isOver(ticket: number): boolean {
    return this.#times > ticket;
  }
}

/** What a rank runs that waits in a collective: a few blocks that look at a flag again and again. */
export const SPIN: Kernel = {
  name: "ncclDevKernel_wait",
  // A flag each microsecond: the rate means nothing, that some units are busy does.
  work: { int32: 1e6 },
  smShare: 0.15,
  occupancy: 0.3,
  efficiency: 0.05,
  launch: { seconds: 0.1, grid: [24, 1, 1], block: [544, 1, 1] },
};
