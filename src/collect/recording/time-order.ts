import type { LocatedObservation } from "./read.ts";

/** Most observations held back: beyond this the oldest go on, in order or not. */
const MAX_HELD = 65_536;

interface Held {
  atMs: number;
  located: LocatedObservation;
}

/**
 * Puts the lines of several sources into one time order. Sources deliver at their own pace, so a
 * line may follow lines that are a little younger: each is held until one is seen that is
 * `horizonMs` younger. What comes later than that goes on at once, out of order, and is reported.
 */
export class TimeOrder {
  readonly #horizonMs: number;
  readonly #onLate: (late: LocatedObservation) => void;
  #held: Held[] = [];
  #newestMs = Number.NEGATIVE_INFINITY;
  #releasedMs = Number.NEGATIVE_INFINITY;

  constructor(horizonMs: number, onLate: (late: LocatedObservation) => void) {
    this.#horizonMs = horizonMs;
    this.#onLate = onLate;
  }

  push(located: LocatedObservation): void {
    const atMs = timeOf(located) ?? this.#newestMs;
    if (atMs < Math.max(this.#releasedMs, this.#newestMs - this.#horizonMs)) this.#onLate(located);
    // A gap is known when it ends, but a file may name it at its start: it moves no clock.
    if (located.observation.kind !== "gap") this.#newestMs = Math.max(this.#newestMs, atMs);
    let place = this.#held.length;
    while (place > 0 && (this.#held[place - 1]?.atMs ?? atMs) > atMs) place -= 1;
    this.#held.splice(place, 0, { atMs, located });
  }

  /** Takes what nothing older should precede any more, oldest first. */
  ripe(): LocatedObservation[] {
    const untilMs = this.#newestMs - this.#horizonMs;
    const young = this.#held.findIndex(({ atMs }) => atMs > untilMs);
    return this.#take(
      young < 0 ? this.#held.length : Math.max(young, this.#held.length - MAX_HELD),
    );
  }

  /** Takes everything, oldest first. */
  drain(): LocatedObservation[] {
    return this.#take(this.#held.length);
  }

  #take(count: number): LocatedObservation[] {
    const taken = this.#held.splice(0, count);
    this.#releasedMs = Math.max(this.#releasedMs, taken.at(-1)?.atMs ?? this.#releasedMs);
    return taken.map(({ located }) => located);
  }
}

/** When an observation was made; a gap is made when it ends. Absent for a node without a time. */
export function timeOf({ observation }: LocatedObservation): number | undefined {
  return observation.kind === "gap" ? observation.toMs : observation.atMs;
}
