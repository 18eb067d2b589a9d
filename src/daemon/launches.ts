import type { Collector } from "../collect/contract.ts";
import { createLaunchCollector, type LaunchCollector } from "../collect/launches/collector.ts";
import { type Config, durationMs } from "../config/schema.ts";

/** The collector of kernel launches, where the configuration asks for it. */
export function launchCollectors(
  { collect, windowLength }: Config,
  { monotonicMs }: { monotonicMs: () => number },
): LaunchCollector[] {
  const { mode, window, interval, path } = collect.launches;
  if (mode === "off") return [];
  const settings = {
    mode,
    windowMs: durationMs(window),
    intervalMs: durationMs(interval),
    labelWindowMs: durationMs(windowLength),
    procRoot: collect.procRoot,
    pids: collect.pids,
    path,
    searchPath: process.env["PATH"] ?? "",
  };
  return [createLaunchCollector(settings, { monotonicMs, nowMs: Date.now })];
}

/** Tells those collectors of a doubt that act on one. */
export function tellDoubt(collectors: readonly Collector[]): void {
  for (const collector of collectors) if (isDoubtful(collector)) collector.doubted();
}

function isDoubtful(collector: Collector): collector is LaunchCollector {
  return "doubted" in collector && typeof collector.doubted === "function";
}
