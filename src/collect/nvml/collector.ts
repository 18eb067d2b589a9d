import type { Observation } from "../../model/observation.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { NvmlReader, type NvmlSettings } from "./reader.ts";

export interface NvmlDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

/** NVIDIA devices through NVML. */
export function createNvmlCollector(settings: NvmlSettings, deps: NvmlDeps): Collector {
  const reader = new NvmlReader(settings);
  return {
    name: "nvml",
    open: async (): Promise<OpenResult> => reader.open(deps.monotonicMs()),
    collect: async (atMs): Promise<readonly Observation[]> =>
      reader.collect(atMs, deps.monotonicMs()),
    close: async () => reader.close(),
  };
}
