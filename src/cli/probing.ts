import type { Logger } from "pino";
import { showsHostProcesses } from "../collect/processes/holders.ts";
import { loadShippedData } from "../config/data.ts";
import type { Config } from "../config/schema.ts";
import { createProbing, type Probing } from "../daemon/probing.ts";
import type { CommandIo } from "./io.ts";

/** The probes that the configuration asks for on this machine's own GPUs; undefined where none. */
export async function openProbing(
  config: Config,
  log: Logger,
  io: Pick<CommandIo, "nowMs">,
): Promise<Probing | undefined> {
  return createProbing(config, {
    nowMs: io.nowMs,
    monotonicMs: () => performance.now(),
    random: Math.random,
    isOwnNamespace: showsHostProcesses("/proc"),
    isRoot: process.getuid?.() === 0,
    idleBelowUtil: loadShippedData().model.activity.idleBelowUtil,
    onState: ({ gpuUuid, status, reason }) => {
      const known = { gpu: gpuUuid, status, reason };
      // No adapter is normal, and a device that is held is what was asked for.
      if (status === "ready" || status === "absent") log.info(known, "probes of a GPU");
      else log.warn(known, "probes of a GPU are put off: its device process failed");
    },
  });
}
