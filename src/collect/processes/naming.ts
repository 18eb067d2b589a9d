import type { Collector } from "../contract.ts";
import type { ProcessReader } from "./reader.ts";

/** A collector whose processes come with what the host knows of them. */
export function withProcessNames(collector: Collector, processes: ProcessReader): Collector {
  return {
    name: collector.name,
    minIntervalMs: collector.minIntervalMs,
    open: () => collector.open(),
    collect: async (atMs) => {
      const seen = await collector.collect(atMs);
      return seen.map((each) => (each.kind === "processes" ? processes.enrich(each) : each));
    },
    close: () => collector.close(),
  };
}
