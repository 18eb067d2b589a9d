import type { Evidence } from "../../model/evidence.ts";
import type { ProcessSighting } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { baseName } from "./command.ts";
import type { Lists } from "./lists.ts";
import { lookAt } from "./look.ts";

/** A tunnel is no proof of mining: it is shown beside the verdict and moves no weight. */
export function tunnelEvidence(processes: readonly ProcessSighting[], lists: Lists): Evidence[] {
  const found = processes.flatMap((process) => {
    const tunnel = lookAt(process, lists).tunnel;
    return tunnel ? [{ process, tunnel }] : [];
  });
  const parents = new Set(found.map(({ process }) => process.ppid));
  return found.flatMap(({ process, tunnel }): Evidence[] => {
    // autossh starts an ssh that says the same: the client counts, not who watches it.
    const name = baseName(process.exe ?? process.argv?.[0]);
    if (name === "autossh" && parents.has(process.pid)) return [];
    const text = `process ${process.pid} ${tunnel.what}: ${sanitize(tunnel.detail, 160)}`;
    const feature = tunnel.isWeak ? "tunnelHint" : "tunnel";
    return [{ family: "context", feature, value: process.pid, text, weights: {} }];
  });
}
