import type { Collector } from "../contract.ts";
import {
  ThreadedCollector,
  type ThreadedDeps,
  type ThreadedSettings,
} from "../thread/collector.ts";
import type { ThreadOptions } from "../thread/protocol.ts";
import type { NvmlSettings } from "./reader.ts";

export type NvmlCollectorSettings = NvmlSettings &
  Pick<ThreadOptions, "procRoot" | "pids"> &
  Pick<ThreadedSettings, "closeTimeoutMs" | "workerUrl">;

/** NVIDIA devices through NVML, read on a thread of their own. */
export function createNvmlCollector(
  settings: NvmlCollectorSettings,
  deps: ThreadedDeps,
): Collector {
  const { procRoot, pids, closeTimeoutMs, workerUrl, ...nvml } = settings;
  const options = { procRoot, pids, source: { kind: "nvml" as const, ...nvml } };
  return new ThreadedCollector({ name: "nvml", options, closeTimeoutMs, workerUrl }, deps);
}
