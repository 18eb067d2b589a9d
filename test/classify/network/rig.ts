import { hostEvidence } from "../../../src/classify/host-evidence.ts";
import { EgressRules, type EgressRule } from "../../../src/classify/network/egress.ts";
import { networkEvidence } from "../../../src/classify/network-evidence.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import type { Evidence } from "../../../src/model/evidence.ts";
import type { ProcessSighting, SocketSighting } from "../../../src/model/sample.ts";
import { ConnectionHistory } from "../../../src/pipeline/connection-history.ts";

export const { indicators } = loadShippedData();
const SCAN_MS = 10_000;

/** A connection as every scan sees it; what changes from scan to scan is a function of the second. */
export interface Wire extends Partial<Omit<SocketSighting, "bytesSent">> {
  /** Seconds of the first and the last scan that have it. */
  from?: number;
  to?: number;
  bytesAt?: ((second: number) => number) | undefined;
}

export interface Scene {
  wires: readonly Wire[];
  processes?: readonly Partial<ProcessSighting>[];
  seconds?: number;
  egress?: readonly EgressRule[] | undefined;
}

/** What the connections of `user:eve` say after scans every ten seconds. */
export function evidenceOf({ wires, processes = [{}], seconds = 120, egress }: Scene): Evidence[] {
  const history = new ConnectionHistory();
  for (let atMs = 0; atMs <= seconds * 1000; atMs += SCAN_MS)
    history.add({ kind: "sockets", atMs, list: wires.flatMap((wire) => socketAt(wire, atMs)) });
  const people = processes.map((process): ProcessSighting => ({ pid: 1, ...process }));
  const toMs = seconds * 1000;
  const seen = {
    ownerKey: "user:eve",
    processes: people,
    host: hostEvidence(people, indicators),
    connectionsOf: (pid: number) => history.of(pid, toMs),
    isNew: (destination: string) => history.isNew("user:eve", destination, toMs),
    toMs,
  };
  return networkEvidence(seen, indicators, egress && new EgressRules(egress));
}

function socketAt(wire: Wire, atMs: number): SocketSighting[] {
  const { from = 0, to = Infinity, bytesAt, ...socket } = wire;
  const second = atMs / 1000;
  if (second < from || second > to) return [];
  return [
    {
      pid: 1,
      protocol: "tcp",
      localAddress: "10.0.0.2",
      localPort: 50_000,
      remoteAddress: "198.51.100.7",
      remotePort: 9000,
      state: "ESTABLISHED",
      ...(bytesAt && { bytesSent: bytesAt(second), bytesReceived: bytesAt(second) }),
      ...socket,
    },
  ];
}

/** A few hundred bytes every few seconds, as work and shares take. */
export const thin = (second: number): number => 200 + 30 * second;
