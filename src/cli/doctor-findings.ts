import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { showsHostProcesses } from "../collect/processes/holders.ts";
import { describeProbe } from "../probe/describe.ts";
import { openDevice } from "../probe/device-process.ts";
import type { CommandIo } from "./io.ts";

/** One thing the daemon can use. `missing` costs a feature, `failing` is something to mend. */
export interface Finding {
  name: string;
  status: "ok" | "missing" | "failing";
  detail: string;
  hints: readonly string[];
}

export async function probeFinding(io: CommandIo): Promise<Finding> {
  const name = "reference kernels (WebGPU)";
  const open = async (): ReturnType<typeof openDevice> => openDevice({ allowSoftware: true });
  const found = await describeProbe(open, { root: "/", environment: io.env });
  const status = {
    ready: "ok",
    software: "missing",
    unavailable: "missing",
    failing: "failing",
  } as const;
  return { name, status: status[found.status], detail: found.detail, hints: found.hints };
}

export function processesFinding(procRoot: string, pids: "auto" | "trusted"): Finding {
  const name = "processes (/proc)";
  if (!existsSync(join(procRoot, "stat")))
    return {
      name,
      status: "failing",
      detail: `${procRoot} holds no processes`,
      hints: ["name the host's /proc in collect.procRoot"],
    };
  if (pids === "auto" && !showsHostProcesses(procRoot))
    return {
      name,
      status: "missing",
      detail: `${procRoot} does not show the host's processes: a GPU's pid is believed only where it has a GPU open`,
      hints: ["share the host's PID namespace (hostPID: true), or mount the host's /proc"],
    };
  return { name, status: "ok", detail: procRoot, hints: [] };
}

export function stateDirectoryFinding(dir: string): Finding {
  const name = "state directory";
  const nearest = existingAncestor(dir);
  try {
    accessSync(nearest, constants.W_OK);
    return {
      name,
      status: "ok",
      detail: nearest === dir ? dir : `${dir} (will be made)`,
      hints: [],
    };
  } catch {
    const hints = ["give another with --state-dir"];
    return { name, status: "failing", detail: `${nearest} cannot be written`, hints };
  }
}

function existingAncestor(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingAncestor(dirname(path));
}
