import { readlinkSync } from "node:fs";
import { join } from "node:path";
import type { SocketSighting } from "../../../model/sample.ts";
import { readLink } from "../../files.ts";
import { containerHostNames, HostsFile, type HostNames } from "./hosts-file.ts";
import { libC } from "../libc.ts";
import { nameFromArguments, placesIn } from "./names.ts";
import { DiagSocket } from "./netlink.ts";
import { listFromProc } from "./proc-net.ts";
import { FIN_WAIT2, LISTEN, type Listing, type SocketRow, stateName } from "./rows.ts";
import type { Traffic } from "./diag.ts";

/** A process of a tree, nearest to a holder first. */
export interface SocketOwner {
  pid: number;
  startTicks: number;
  /** Inodes of the sockets it has open. */
  sockets: readonly number[];
  argv: readonly string[];
}

export interface SocketScanSettings {
  procRoot: string;
  hostsPath?: string | undefined;
  /** Without it the files of `/proc` are read; only tests leave it out. */
  netlink?: boolean | undefined;
}

export interface SocketScanResult {
  list: SocketSighting[];
  /** Sockets beyond what one scan tells. */
  untold: number;
  /** Network namespaces that could not be looked into. */
  unread: number;
  /** `netlink`, `proc`, or both where namespaces differ; undefined where there was nothing to ask. */
  way: string | undefined;
}

/** Sockets that are told in one scan. */
const MAX_SOCKETS = 2000;
/** Network namespaces that are looked into in one scan. */
const MAX_NAMESPACES = 256;
const HOSTS_REFRESH_SCANS = 12;

interface Namespace {
  /** As `/proc/PID/ns/net` reads; undefined where that may not be read. */
  link: string | undefined;
  owners: SocketOwner[];
}

interface Seen {
  scan: number;
  firstSeenMs: number;
}

/** The sockets of processes, by network namespace, each namespace asked once a scan. */
export class SocketScan {
  readonly #settings: SocketScanSettings;
  readonly #hosts: HostsFile;
  readonly #seen = new Map<string, Seen>();
  /** Of containers, by mount namespace. */
  readonly #containers = new Map<string, { scan: number; names: HostNames }>();
  #ownNamespace: string | undefined;
  #scan = 0;

  constructor(settings: SocketScanSettings) {
    this.#settings = settings;
    this.#hosts = new HostsFile(settings.hostsPath ?? "/etc/hosts");
  }

  /**
   * @param atMs Unix milliseconds
   * @throws LostNamespaceError where this thread is in another network namespace than its own
   */
  read(owners: readonly SocketOwner[], atMs: number): SocketScanResult {
    this.#scan += 1;
    this.#ownNamespace = ownNamespace();
    const result: SocketScanResult = { list: [], untold: 0, unread: 0, way: undefined };
    const ways = new Set<string>();
    const spaces = this.#namespacesOf(owners);
    result.unread = Math.max(0, spaces.length - MAX_NAMESPACES);
    for (const space of spaces.slice(0, MAX_NAMESPACES)) {
      const way = this.#readSpace(space, atMs, result);
      if (way === undefined) result.unread += 1;
      else ways.add(way);
    }
    for (const [key, { scan }] of this.#seen) if (scan < this.#scan) this.#seen.delete(key);
    for (const [key, { scan }] of this.#containers)
      if (scan + HOSTS_REFRESH_SCANS < this.#scan) this.#containers.delete(key);
    result.way = ways.size > 0 ? [...ways].sort().join(" and ") : undefined;
    return result;
  }

  #namespacesOf(owners: readonly SocketOwner[]): Namespace[] {
    const spaces = new Map<string, Namespace>();
    for (const owner of owners) {
      if (owner.sockets.length === 0) continue;
      const link = readLink(join(this.#settings.procRoot, String(owner.pid), "ns", "net"));
      // Of one that cannot be told, each process may be in another.
      const key = link ?? `pid ${owner.pid}`;
      const space = spaces.get(key);
      if (space) space.owners.push(owner);
      else spaces.set(key, { link, owners: [owner] });
    }
    return [...spaces.values()];
  }

  /** @returns by which way, undefined where none led there */
  #readSpace(space: Namespace, atMs: number, into: SocketScanResult): string | undefined {
    const holders = holdersOf(space.owners);
    const wanted: ReadonlySet<number> = new Set(holders.keys());
    const diag = this.#openDiag(space);
    try {
      const told = diag?.list(wanted);
      const listing = told ?? this.#fromProc(space, wanted);
      if (!listing) return undefined;
      const mine = outbound(listing).sort((a, b) => order(holders, a) - order(holders, b));
      const room = Math.max(0, MAX_SOCKETS - into.list.length);
      into.untold += Math.max(0, mine.length - room);
      const traffic = (row: SocketRow): Traffic | undefined =>
        told && row.state !== LISTEN ? diag?.traffic(row) : undefined;
      into.list.push(...this.#sightings(space, mine.slice(0, room), holders, traffic, atMs));
      return told ? "netlink" : "proc";
    } finally {
      diag?.close();
    }
  }

  #openDiag({ link, owners }: Namespace): DiagSocket | undefined {
    const c = this.#settings.netlink === false ? undefined : libC();
    if (!c || link === undefined || this.#ownNamespace === undefined) return undefined;
    if (link === this.#ownNamespace) return DiagSocket.open(c);
    const inode = Number(/^net:\[(\d+)\]$/.exec(link)?.[1]);
    const path = join(this.#settings.procRoot, String(owners[0]?.pid), "ns", "net");
    return Number.isNaN(inode) ? undefined : DiagSocket.openIn(c, path, inode, OWN_NAMESPACE);
  }

  /** Whoever of them is still there shows the namespace of all. */
  #fromProc({ owners }: Namespace, wanted: ReadonlySet<number>): Listing | undefined {
    for (const { pid } of owners.slice(0, 3)) {
      const listing = listFromProc(join(this.#settings.procRoot, String(pid)), wanted);
      if (listing) return listing;
    }
    return undefined;
  }

  #sightings(
    space: Namespace,
    rows: readonly SocketRow[],
    holders: ReadonlyMap<number, Holding>,
    traffic: (row: SocketRow) => Traffic | undefined,
    atMs: number,
  ): SocketSighting[] {
    const held = rows.flatMap((row) => {
      const owner = holders.get(row.inode)?.owner;
      return owner ? [{ row, owner }] : [];
    });
    const others = new Map<string, Set<string>>();
    for (const { row, owner } of held) {
      const key = `${owner.pid} ${row.remotePort}`;
      others.set(key, (others.get(key) ?? new Set()).add(row.remoteAddress));
    }
    return held.map(({ row, owner }) => {
      const { pid } = owner;
      const { protocol, localAddress, localPort, remoteAddress, remotePort, state } = row;
      const peers = others.get(`${pid} ${remotePort}`) ?? new Set();
      const remoteName = state === LISTEN ? undefined : this.#nameOf(row, owner, peers);
      const firstSeenMs = this.#firstSeen(space.link ?? String(pid), row, atMs);
      const carried = carriedOf(traffic(row));
      const ends = { localAddress, localPort, remoteAddress, remotePort };
      const name = remoteName === undefined ? {} : { remoteName };
      return { pid, protocol, ...ends, state: stateName(state), ...name, ...carried, firstSeenMs };
    });
  }

  #nameOf(row: SocketRow, owner: SocketOwner, peers: ReadonlySet<string>): string | undefined {
    const { remoteAddress, remotePort } = row;
    return (
      this.#containerNames(owner.pid).get(remoteAddress) ??
      this.#hosts.names().get(remoteAddress) ??
      nameFromArguments(placesIn(owner.argv), remoteAddress, remotePort, peers)
    );
  }

  /** Those of its own hosts file, where it sees other files than this process does. */
  #containerNames(pid: number): HostNames {
    const path = join(this.#settings.procRoot, String(pid));
    const link = readLink(join(path, "ns", "mnt"));
    if (link === undefined || link === readLink("/proc/self/ns/mnt")) return new Map();
    const kept = this.#containers.get(link);
    if (kept) return kept.names;
    const names = containerHostNames(path);
    this.#containers.set(link, { scan: this.#scan, names });
    return names;
  }

  #firstSeen(space: string, row: SocketRow, atMs: number): number {
    const { inode, localPort, remoteAddress, remotePort } = row;
    const key = `${space} ${inode} ${localPort} ${remoteAddress} ${remotePort}`;
    const firstSeenMs = this.#seen.get(key)?.firstSeenMs ?? atMs;
    this.#seen.set(key, { scan: this.#scan, firstSeenMs });
    return firstSeenMs;
  }
}

/** Of this very thread: it may differ from that of its process. */
const OWN_NAMESPACE = "/proc/thread-self/ns/net";

function ownNamespace(): string | undefined {
  try {
    return readlinkSync(OWN_NAMESPACE);
  } catch {
    return undefined;
  }
}

interface Holding {
  owner: SocketOwner;
  /** How near to a holder of a device. */
  rank: number;
}

/** Of several that hold one socket the oldest: most often it opened it, and the others inherited it. */
function holdersOf(owners: readonly SocketOwner[]): Map<number, Holding> {
  const holders = new Map<number, Holding>();
  for (const [rank, owner] of owners.entries())
    for (const inode of owner.sockets) {
      const known = holders.get(inode);
      if (!known || owner.startTicks < known.owner.startTicks) holders.set(inode, { owner, rank });
    }
  return holders;
}

function order(holders: ReadonlyMap<number, Holding>, { inode }: SocketRow): number {
  return holders.get(inode)?.rank ?? Number.MAX_SAFE_INTEGER;
}

/** Without what came in at a port on which the namespace listens. */
function outbound({ rows, listeners }: Listing): SocketRow[] {
  const found = new Map<number, SocketRow>();
  for (const row of rows) {
    const { protocol, state, localAddress, localPort } = row;
    const isInbound =
      protocol === "tcp" && state !== LISTEN && listeners.takes(localAddress, localPort);
    if (!isInbound) found.set(row.inode, row);
  }
  return [...found.values()];
}

/** TCP counts its opening as a byte, and its end as another. */
function carriedOf(
  traffic: Traffic | undefined,
): Pick<SocketSighting, "bytesSent" | "bytesReceived"> {
  if (!traffic) return {};
  const { state, bytesAcked, bytesReceived } = traffic;
  const extra = state === FIN_WAIT2 ? 2 : 1;
  return { bytesSent: Math.max(0, bytesAcked - extra), bytesReceived };
}
