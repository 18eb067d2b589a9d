import type { Observation } from "../../model/observation.ts";
import type { Collector } from "../contract.ts";
import type { ProcessReader } from "./reader.ts";

/** The observations, those of processes with what the host knows of them. */
export function nameProcesses(
  seen: readonly Observation[],
  processes: ProcessReader,
): readonly Observation[] {
  return seen.map((each) => (each.kind === "processes" ? processes.enrich(each) : each));
}

/** A collector whose processes come with what the host knows of them. */
export function withProcessNames(collector: Collector, processes: ProcessReader): Collector {
  return {
    name: collector.name,
    minIntervalMs: collector.minIntervalMs,
    open: () => collector.open(),
    collect: async (atMs) => nameProcesses(await collector.collect(atMs), processes),
    close: () => collector.close(),
  };
}
