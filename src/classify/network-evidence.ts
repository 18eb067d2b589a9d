import type { Evidence } from "../model/evidence.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { Indicators } from "./host/indicator-data.ts";
import { domainOf, type Lists, listsOf } from "./host/lists.ts";
import { minersAmong } from "./host/miner.ts";
import { bounded } from "./host-evidence.ts";
import type { Connection } from "./network/connection.ts";
import { type EgressRules, newDestinations } from "./network/egress.ts";
import { poolConnections } from "./network/pool-connection.ts";
import { internalProbing } from "./network/probing.ts";

export interface OwnersNetwork {
  ownerKey: string;
  processes: readonly ProcessSighting[];
  /** What his processes give away: `hostEvidence` of them. */
  host: readonly Evidence[];
  /** All connections of the last minutes, by process. */
  connectionsOf: (pid: number) => readonly Connection[];
  /** Whether a destination of his is heard of for the first time. */
  isNew: (destination: string) => boolean;
  /** The end of the window, Unix milliseconds. */
  toMs: number;
}

/** A connection that no scan has told of for this long may be over. */
const STILL_OPEN_MS = 30_000;

/** What the connections of one owner's processes say. */
export function networkEvidence(
  seen: OwnersNetwork,
  indicators: Indicators,
  egress: EgressRules | undefined,
): Evidence[] {
  const lists = listsOf(indicators);
  const processes = new Map(seen.processes.map((process) => [process.pid, process]));
  const recent = [...processes.values()].flatMap((process) => connectionsIn(process, seen, lists));
  if (recent.length === 0) return [];
  const open = recent.filter(({ isOpen, lastMs }) => isOpen || lastMs > seen.toMs - STILL_OPEN_MS);
  const probing = internalProbing(recent, lists);
  return bounded([
    ...poolConnections(open, processes, minersAmong(seen.host), lists),
    ...(probing ? [probing] : []),
    ...newDestinations(open, egress?.of(seen.ownerKey), seen.isNew),
    ...tunnelEnds(open, lists),
  ]);
}

/** A pid is reused: what was open before the process began was another's. */
function connectionsIn(
  { pid, startTimeMs = 0 }: ProcessSighting,
  { connectionsOf, toMs }: OwnersNetwork,
  { limits }: Lists,
): Connection[] {
  return connectionsOf(pid).filter(
    ({ firstMs, lastMs }) =>
      firstMs <= toMs && lastMs >= startTimeMs && lastMs > toMs - limits.probingSeconds * 1000,
  );
}

/** Connections to names under which tunnels are published. */
function tunnelEnds(open: readonly Connection[], lists: Lists): Evidence[] {
  return open.flatMap(({ pid, remoteName = "", remotePort }): Evidence[] => {
    const domain = domainOf(remoteName, "tunnelDomains", lists);
    if (domain === undefined) return [];
    const text = `process ${pid} is connected to ${sanitize(remoteName, 120)}:${remotePort}, where tunnels are published (${domain})`;
    return [{ family: "context", feature: "tunnel", value: pid, text, weights: {} }];
  });
}
