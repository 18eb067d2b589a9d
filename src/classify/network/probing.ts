import type { Evidence } from "../../model/evidence.ts";
import { sanitize } from "../../model/text.ts";
import type { Lists } from "../host/lists.ts";
import { ageSeconds, type Connection } from "./connection.ts";
import { reachOf } from "./networks.ts";

/** A connection that was over within this was not worked with. */
const BRIEF_SECONDS = 15;
/** Ports named in the sentence. */
const NAMED = 5;

/**
 * Attempts at many internal addresses, or at many ports of one. Jobs connect to many peers, too: NCCL,
 * MPI, Gloo and Ray open a connection to every one, on any ports. What tells them apart is that theirs
 * are answered and stay, so only attempts count that nobody answered or that came to nothing, and of
 * addresses only those with which nothing else was ever done.
 */
export function internalProbing(
  connections: readonly Connection[],
  lists: Lists,
): Evidence | undefined {
  const internal = connections.filter(({ remoteAddress }) => reachOf(remoteAddress) === "internal");
  const peers = new Set(
    internal.filter((each) => !isVain(each, lists)).map(({ remoteAddress }) => remoteAddress),
  );
  const vain = internal.filter((each) => isVain(each, lists));
  const strange = vain.filter(({ remoteAddress }) => !peers.has(remoteAddress));
  const addresses = new Set(strange.map(({ remoteAddress }) => remoteAddress));
  const { probingTargets, probingSeconds } = lists.limits;
  const within = `within ${probingSeconds} s`;
  if (addresses.size >= probingTargets && addresses.size > peers.size) {
    const ports = portsText(strange);
    const text = `${addresses.size} internal addresses were tried ${within} and did not answer, or nothing came of it (${ports}), ${peers.size} did: probing, or a job whose peers are down`;
    return evidence(strange, text);
  }
  for (const [address, tried] of byAddressOf(vain)) {
    const unanswered = peers.has(address) ? tried.filter((each) => !each.wasEstablished) : tried;
    const ports = new Set(unanswered.map(({ remotePort }) => remotePort));
    if (ports.size < probingTargets) continue;
    const text = `${ports.size} ports of ${sanitize(address, 60)} were tried ${within} and did not answer, or nothing came of it`;
    return evidence(unanswered, text);
  }
  return undefined;
}

/** Nobody answered, or it was over at once with hardly a byte said. Unknown bytes count as some. */
function isVain(connection: Connection, lists: Lists): boolean {
  const { bytes, isOpen, wasEstablished } = connection;
  // One that only begins may yet be answered.
  if (!wasEstablished) return !isOpen || ageSeconds(connection) > 0;
  const isBrief = !isOpen && ageSeconds(connection) <= BRIEF_SECONDS;
  return isBrief && bytes !== undefined && bytes <= lists.limits.briefBytes;
}

function byAddressOf(connections: readonly Connection[]): Map<string, Connection[]> {
  const found = new Map<string, Connection[]>();
  for (const connection of connections) {
    const known = found.get(connection.remoteAddress);
    if (known) known.push(connection);
    else found.set(connection.remoteAddress, [connection]);
  }
  return found;
}

/** Of the process that tried most. */
function evidence(tried: readonly Connection[], text: string): Evidence {
  const counts = new Map<number, number>();
  for (const { pid } of tried) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  const pid = most?.[0] ?? 0;
  return {
    family: "network",
    feature: "internalProbing",
    value: pid,
    text: `process ${pid}${counts.size > 1 ? ` and ${counts.size - 1} others of its owner` : ""}: ${text}`,
    weights: {},
  };
}

function portsText(tried: readonly Connection[]): string {
  const ports = [...new Set(tried.map(({ remotePort }) => remotePort))].sort((a, b) => a - b);
  const shown = ports.slice(0, NAMED).join(", ");
  return ports.length > NAMED ? `${ports.length} ports from ${ports[0]}` : `port ${shown}`;
}
