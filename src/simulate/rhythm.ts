import type { Rhythm } from "./process.ts";
import { exponential, type Random } from "./random.ts";

/** Works for `share` of each period of so many seconds, then pauses. */
export interface FixedDuty {
  period: number;
  share: number;
}

/** Works and pauses for seconds that nobody can foretell, with these means. */
export interface RandomDuty {
  busy: number;
  pause: number;
}

export type Duty = FixedDuty | RandomDuty;

export function rhythmOf(duty: Duty, fromSecond: number, random: Random): Rhythm {
  return "period" in duty ? fixed(duty, fromSecond) : new Chance(duty, fromSecond, random);
}

function fixed({ period, share }: FixedDuty, fromSecond: number): Rhythm {
  // A hair of tolerance, so that a moment on the edge falls on the same side each time.
  const hair = period * 1e-9;
  return { isOn: (second) => (second - fromSecond + hair) % period < period * share };
}

/** Time is asked for in order. */
class Chance implements Rhythm {
  readonly #duty: RandomDuty;
  readonly #random: Random;
  #on = true;
  #until: number;

  constructor(duty: RandomDuty, fromSecond: number, random: Random) {
    this.#duty = duty;
    this.#random = random;
    this.#until = fromSecond + duty.busy * exponential(random);
  }

  isOn(second: number): boolean {
    while (second >= this.#until) {
      this.#on = !this.#on;
      this.#until += (this.#on ? this.#duty.busy : this.#duty.pause) * exponential(this.#random);
    }
    return this.#on;
  }
}
