import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Observation } from "../../model/observation.ts";
import type { Collector, OpenResult } from "../contract.ts";
import {
  ThreadedCollector,
  type ThreadedDeps,
  type ThreadedSettings,
} from "../thread/collector.ts";
import type { HolderBoard } from "./board.ts";
import type { HostSettings } from "./source.ts";

/** The scan of the host on a thread of its own; it takes the drivers' processes from the board. */
export function createThreadedHostCollector(
  settings: HostSettings & { intervalMs: number } & Pick<ThreadedSettings, "workerUrl">,
  deps: Pick<ThreadedDeps, "monotonicMs"> & { board: HolderBoard },
): Collector {
  const { workerUrl, intervalMs, ...host } = settings;
  const { monotonicMs, board } = deps;
  const { procRoot } = host;
  const source = { kind: "host" as const, ...host };
  const options = { procRoot, pids: "trusted" as const, source };
  const threaded = new ThreadedCollector(
    { name: "host", options, workerUrl },
    { monotonicMs, hints: () => board.hints() },
  );
  let isRunning = false;
  return {
    name: threaded.name,
    minIntervalMs: intervalMs,
    get detail() {
      return threaded.detail;
    },
    // Where there is no GPU to watch nothing is read: the thread starts with the first scan.
    open: async (): Promise<OpenResult> => {
      if (existsSync(join(procRoot, "stat"))) return { status: "ready", detail: "no scan yet" };
      return { status: "absent", reason: `${procRoot} holds no processes` };
    },
    collect: async (atMs): Promise<readonly Observation[]> => {
      if (!isRunning) await threaded.open();
      isRunning = true;
      return threaded.collect(atMs);
    },
    close: async () => {
      isRunning = false;
      await threaded.close();
    },
  };
}
