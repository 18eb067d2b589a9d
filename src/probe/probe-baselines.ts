import type { Baseline, ProbeMeasure } from "./probe-measure.ts";
import { median } from "./statistics.ts";

/** Of so many idle runs the fastest counts; fewer than the first number say nothing yet. */
const MIN_RUNS = 3;
const MAX_RUNS = 64;

/**
 * Runs on one device while it was idle, by kernel. An idle device rests at a low clock, and a run of
 * a millisecond does not wake it: the fastest of many runs is the one nearest to the clock that it
 * works at. The wait around a run has no such best case: there the median counts.
 */
export class ProbeBaselines {
  readonly #runs = new Map<string, ProbeMeasure[]>();

  /** A run that was made while nobody else used the device. */
  note(measure: ProbeMeasure): void {
    if (measure.isFirst) return;
    const key = keyOf(measure);
    const runs = this.#runs.get(key) ?? [];
    runs.push(measure);
    if (runs.length > MAX_RUNS) runs.shift();
    this.#runs.set(key, runs);
  }

  /** For a run timed by the same clock. */
  of(measure: Pick<ProbeMeasure, "kernel" | "timing">): Baseline | undefined {
    const runs = this.#runs.get(keyOf(measure)) ?? [];
    const overheadSeconds = median(runs.map((run) => run.overheadSeconds));
    if (runs.length < MIN_RUNS || overheadSeconds === undefined) return undefined;
    const passes = runs.flatMap((run) => run.fastestPassSeconds ?? []);
    return {
      durationSeconds: Math.min(...runs.map((run) => run.durationSeconds)),
      overheadSeconds,
      fastestPassSeconds: passes.length > 0 ? Math.min(...passes) : undefined,
    };
  }

  /** Whether a kernel can be compared, by either clock. */
  has(kernel: string): boolean {
    return (["timestamp", "wall"] as const).some((timing) => this.of({ kernel, timing }));
  }
}

function keyOf({ kernel, timing }: Pick<ProbeMeasure, "kernel" | "timing">): string {
  return `${timing} ${kernel}`;
}
