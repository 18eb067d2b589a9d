import type { GpuQuantity, GpuReadings } from "../model/sample.ts";
import type { GapObservation } from "../model/observation.ts";
import type { WallClock } from "./clock.ts";
import type { Scenario } from "./scenario.ts";

type Gap = Scenario["faults"]["gaps"][number];
type Stuck = Scenario["faults"]["stuck"][number];

/** What goes wrong between the devices and the recording. */
export class Faults {
  readonly #scenario: Scenario;
  readonly #held = new Map<Stuck, number>();
  #gapsLeft: readonly Gap[];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#gapsLeft = [...scenario.faults.gaps].sort((a, b) => a.to - b.to);
  }

  /** Whether nobody looked at the device, or with no device at anything. */
  isSilent(second: number, gpu?: number): boolean {
    return this.#scenario.faults.gaps.some(
      (gap) => gap.from <= second && second < gap.to && (gap.gpu === undefined || gap.gpu === gpu),
    );
  }

  /** The gaps that came to an end since the last call. */
  ended(second: number, clock: WallClock): GapObservation[] {
    const over = this.#gapsLeft.filter((gap) => gap.to <= second);
    this.#gapsLeft = this.#gapsLeft.filter((gap) => gap.to > second);
    return over.map(({ gpu, from, to, reason }) => ({
      kind: "gap",
      source: "simulated",
      gpu,
      fromMs: clock.at(from),
      toMs: clock.at(to),
      reason,
    }));
  }

  /** The readings with what is stuck held where it was when it got stuck. */
  stuck(gpu: number, second: number, readings: GpuReadings): GpuReadings {
    let shown = readings;
    for (const each of this.#scenario.faults.stuck) {
      const { from = 0, to = Infinity } = each;
      if (each.gpu !== gpu || second < from || second >= to) continue;
      const held = each.value ?? this.#held.get(each) ?? readings[each.quantity];
      if (held === undefined) continue;
      this.#held.set(each, held);
      shown = withReading(shown, each.quantity, held);
    }
    return shown;
  }
}

function withReading(readings: GpuReadings, quantity: GpuQuantity, value: number): GpuReadings {
  return { ...readings, [quantity]: value };
}
