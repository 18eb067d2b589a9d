import type { Program } from "./program.ts";
import type { Job } from "./scenario.ts";

const CONTEXT_BYTES = 0.5 * 2 ** 30;

/** Weights come from the host before the first kernel runs. */
export function* afterStartup(job: Job, program: Program): Program {
  const seconds = job.worksFromSecond - job.fromSecond;
  if (seconds > 0) yield { do: "wait", seconds, rx: job.memoryBytes / seconds };
  yield* program;
}

/** Bytes held at a moment: they grow evenly while it starts up. */
export function memoryAt(job: Job, second: number): number {
  const { fromSecond, worksFromSecond, memoryBytes } = job;
  if (second >= worksFromSecond) return memoryBytes;
  const least = Math.min(CONTEXT_BYTES, memoryBytes);
  const share = (second - fromSecond) / (worksFromSecond - fromSecond);
  return least + (memoryBytes - least) * share;
}
