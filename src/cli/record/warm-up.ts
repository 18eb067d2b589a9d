import type { OpenedSource } from "../../daemon/source.ts";
import type { ReadingOverhead } from "../../model/observation.ts";
import { SelfReport } from "./self-report.ts";

/** Ticks that are timed; the one before them also resolves and allocates things, once. */
const TICKS = 20;
/** Longest interval of the warm-up: with it, the ticks take 2 s. */
export const WARM_UP_INTERVAL_MS = 100;

/**
 * Reads the source for a moment and says what a reading costs; what it saw is thrown away.
 * @param stop ends the source; aborted here when enough was read, or by the caller
 * @param cpuMs processor time of this process so far
 * @returns undefined where nothing could be read
 */
export async function measureOverhead(
  source: Pick<OpenedSource, "observations" | "health">,
  stop: AbortController,
  cpuMs: () => number,
): Promise<ReadingOverhead | undefined> {
  let report: SelfReport | undefined;
  let startCpuMs = 0;
  let usedCpuMs = 0;
  let ticks = 0;
  for await (const { kind } of source.observations) {
    if (kind !== "tick") continue;
    if (!report) {
      startCpuMs = cpuMs();
      report = new SelfReport();
      report.skip(source.health());
      continue;
    }
    report.note(source.health());
    usedCpuMs = cpuMs() - startCpuMs;
    ticks += 1;
    if (ticks >= TICKS) stop.abort();
  }
  return report?.overhead(usedCpuMs);
}
