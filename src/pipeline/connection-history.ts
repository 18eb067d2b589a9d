import type { Connection } from "../classify/network/connection.ts";
import type { SocketSample, SocketSighting } from "../model/sample.ts";
import { dropOldest, setNewest } from "../model/recent.ts";

/** What no probing within half an hour could need any more. */
const KEEP_MS = 30 * 60_000;
/** After this long without a scan nobody knows what is still open. */
const STALE_MS = 60_000;
/** A process that opens more than this keeps the newest, and pushes out nobody else's. */
const MAX_PER_PROCESS = 512;
const MAX_PROCESSES = 2048;
const MAX_TEXT_LENGTH = 256;
/** Local ports counted of one connection. */
const MAX_ATTEMPTS = 64;
/** Told for longer than an alert waits, and not for ever: an owner may have a few hundred of them. */
const NEWS_MS = 120_000;
/** Destinations of owners that were told of. */
const MAX_TOLD = 16_384;

interface Entry {
  seen: Connection;
  ports: Set<number>;
  /** Bytes of each local port would be much: those of the newest one. */
  localPort: number;
}

/**
 * The connections of the last minutes by process and other end, from scans of sockets. Its memory is
 * bounded whatever a process opens. Connections that others opened to a listening socket are left out.
 */
export class ConnectionHistory {
  readonly #byPid = new Map<number, Map<string, Entry>>();
  /** When each was first told of, by owner and destination. */
  readonly #told = new Map<string, number>();
  #lastScanMs = Number.NEGATIVE_INFINITY;

  add({ atMs, list }: SocketSample): void {
    const listening = new Set(
      list.filter(({ state }) => state === "LISTEN").map(({ localPort }) => localPort),
    );
    for (const socket of list) if (isOutbound(socket, listening)) this.#note(socket, atMs);
    this.#lastScanMs = Math.max(this.#lastScanMs, atMs);
    this.#forget(atMs - KEEP_MS);
  }

  /** Of a process, oldest change first. */
  of(pid: number, nowMs: number): Connection[] {
    const isFresh = nowMs - this.#lastScanMs <= STALE_MS;
    return [...(this.#byPid.get(pid)?.values() ?? [])].map(({ seen }) => ({
      ...seen,
      isOpen: isFresh && seen.lastMs >= this.#lastScanMs,
    }));
  }

  /** Whether an owner's destination is news: from when it is first asked for on, and for a while. */
  isNew(ownerKey: string, destination: string, atMs: number): boolean {
    const key = `${ownerKey}\0${destination}`;
    const firstMs = this.#told.get(key);
    if (firstMs !== undefined) return atMs - firstMs < NEWS_MS;
    setNewest(this.#told, key, atMs, MAX_TOLD);
    return true;
  }

  #note(socket: SocketSighting, atMs: number): void {
    const own = this.#byPid.get(socket.pid) ?? new Map<string, Entry>();
    // Set anew, so that the order is that of the last change.
    this.#byPid.delete(socket.pid);
    this.#byPid.set(socket.pid, own);
    const key = `${socket.protocol} ${socket.remoteAddress} ${socket.remotePort}`;
    const known = own.get(key);
    own.delete(key);
    own.set(key, known ? again(known, socket, atMs) : first(socket, atMs));
    dropOldest(own, MAX_PER_PROCESS);
    dropOldest(this.#byPid, MAX_PROCESSES);
  }

  #forget(beforeMs: number): void {
    for (const [pid, own] of this.#byPid) {
      for (const [key, { seen }] of own) {
        if (seen.lastMs >= beforeMs) break;
        own.delete(key);
      }
      if (own.size === 0) this.#byPid.delete(pid);
    }
  }
}

function isOutbound(
  { state, localPort, remotePort, localAddress, remoteAddress }: SocketSighting,
  listening: ReadonlySet<number>,
): boolean {
  if (state === "LISTEN" || remotePort === 0 || localAddress === remoteAddress) return false;
  return !listening.has(localPort);
}

/** States of a connection that was answered. */
const ANSWERED: ReadonlySet<string> = new Set([
  "ESTABLISHED",
  "CLOSE_WAIT",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "LAST_ACK",
  "CLOSING",
  "TIME_WAIT",
]);

function first(socket: SocketSighting, atMs: number): Entry {
  const { pid, protocol, remoteAddress, remotePort, remoteName, state, localPort } = socket;
  // A collector may have seen it before; what lies in the future is a clock that stepped.
  const firstMs = Math.min(socket.firstSeenMs ?? atMs, atMs);
  const seen: Connection = {
    pid,
    protocol: protocol.slice(0, MAX_TEXT_LENGTH),
    remoteAddress: remoteAddress.slice(0, MAX_TEXT_LENGTH),
    remotePort,
    remoteName: remoteName?.slice(0, MAX_TEXT_LENGTH),
    firstMs,
    lastMs: atMs,
    isOpen: true,
    wasEstablished: ANSWERED.has(state),
    attempts: 1,
    bytes: bytesOf(socket),
  };
  return { seen, ports: new Set([localPort]), localPort };
}

function again(known: Entry, socket: SocketSighting, atMs: number): Entry {
  const { seen, ports } = known;
  const bytes = bytesOf(socket);
  if (ports.size < MAX_ATTEMPTS) ports.add(socket.localPort);
  const isSame = known.localPort === socket.localPort;
  const step = isSame && bytes !== undefined ? bytes - (seen.bytes ?? bytes) : undefined;
  const steps = [seen.greatestStepBytes, step].filter((each) => each !== undefined);
  return {
    seen: {
      ...seen,
      remoteName: socket.remoteName?.slice(0, MAX_TEXT_LENGTH) ?? seen.remoteName,
      lastMs: Math.max(seen.lastMs, atMs),
      wasEstablished: seen.wasEstablished || ANSWERED.has(socket.state),
      attempts: ports.size,
      // Of several connections to one place the busiest one tells what goes on.
      bytes: isSame ? (bytes ?? seen.bytes) : greatest([seen.bytes, bytes]),
      ...(steps.length > 0 && { greatestStepBytes: Math.max(...steps) }),
    },
    ports,
    localPort: socket.localPort,
  };
}

function greatest(values: readonly (number | undefined)[]): number | undefined {
  const told = values.filter((value) => value !== undefined);
  return told.length > 0 ? Math.max(...told) : undefined;
}

/** Both ways, as far as told; undefined where neither is. */
function bytesOf({ bytesSent, bytesReceived }: SocketSighting): number | undefined {
  if (bytesSent === undefined && bytesReceived === undefined) return undefined;
  return (bytesSent ?? 0) + (bytesReceived ?? 0);
}
