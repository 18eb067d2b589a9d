import { tracingAbility } from "../collect/launches/ability.ts";
import type { Config } from "../config/schema.ts";
import type { Finding } from "./doctor-findings.ts";

/** Whether kernel launches could be traced here, whether or not the configuration asks for it. */
export async function launchesFinding({ collect }: Config, searchPath: string): Promise<Finding> {
  const { procRoot, pids, launches } = collect;
  const name = "kernel launches (bpftrace)";
  const ability = await tracingAbility({ procRoot, pids, path: launches.path, searchPath });
  if (!ability.can)
    return { name, status: "missing", detail: ability.reason, hints: [ability.hint] };
  const when =
    launches.mode === "off"
      ? "switched off (collect.launches.mode)"
      : `${launches.window} ${launches.mode === "interval" ? "every" : "on doubt, at most every"} ${launches.interval}`;
  return { name, status: "ok", detail: `${ability.version}; ${when}`, hints: [] };
}
