import type { Observation } from "../../model/observation.ts";
import type { Collector, OpenResult } from "../contract.ts";
import {
  ThreadedCollector,
  type ThreadedDeps,
  type ThreadedSettings,
} from "../thread/collector.ts";
import { listCards } from "./cards.ts";
import { type DrmSettings, NO_CARD } from "./collector.ts";

/** AMD and Intel devices through the files of Linux, read on a thread of their own. */
export function createThreadedDrmCollector(
  settings: DrmSettings & Pick<ThreadedSettings, "workerUrl">,
  deps: Pick<ThreadedDeps, "monotonicMs">,
): Collector {
  const { workerUrl, ...drm } = settings;
  const { procRoot, sysRoot } = drm;
  // Its pids come from that very tree.
  const options = { procRoot, pids: "trusted" as const, source: { kind: "drm" as const, ...drm } };
  const threaded = new ThreadedCollector(
    { name: "drm", options, workerUrl },
    { monotonicMs: deps.monotonicMs },
  );
  return {
    name: threaded.name,
    // Most nodes have no such card: to see that, a directory is read and no thread is started.
    open: async (): Promise<OpenResult> =>
      listCards(sysRoot).length > 0 ? threaded.open() : { status: "absent", reason: NO_CARD },
    collect: async (atMs): Promise<readonly Observation[]> => threaded.collect(atMs),
    close: async () => threaded.close(),
  };
}
