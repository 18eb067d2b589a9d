import type { Scenario } from "./scenario.ts";

/** The recording's wall clock: seconds of the simulation to Unix milliseconds, steps included. */
export class WallClock {
  readonly #startMs: number;
  readonly #steps: Scenario["faults"]["timeSteps"];

  constructor({ node, faults }: Pick<Scenario, "node" | "faults">) {
    this.#startMs = node.start;
    this.#steps = faults.timeSteps;
  }

  /** Integer Unix milliseconds. */
  at(second: number): number {
    const stepped = this.#steps.reduce((sum, { at, by }) => (at <= second ? sum + by : sum), 0);
    return this.#startMs + Math.round((second + stepped) * 1000);
  }
}
