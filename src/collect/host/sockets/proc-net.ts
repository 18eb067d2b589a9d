import { join } from "node:path";
import { eachLine } from "../../lines.ts";
import {
  addressText,
  isWanted,
  LISTEN,
  Listeners,
  type Listing,
  type Protocol,
  type SocketRow,
} from "./rows.ts";

/** Some 400,000 sockets of each kind. */
const MAX_BYTES = 64 * 1024 ** 2;
const TABLES = ["tcp", "tcp6", "udp", "udp6"] as const;

/**
 * The sockets of the network namespace of a process, from its `net` folder: without bytes, and dearer
 * than asking the kernel. Undefined where not even the first table can be read.
 */
export function listFromProc(
  processPath: string,
  wanted: ReadonlySet<number>,
): Listing | undefined {
  const listing: Listing = { rows: [], listeners: new Listeners() };
  for (const table of TABLES) {
    const protocol: Protocol = table.startsWith("tcp") ? "tcp" : "udp";
    const read = eachLine(join(processPath, "net", table), MAX_BYTES, (line) => {
      const row = parseSocketLine(line, protocol);
      if (!row || !isWanted(protocol, row.state)) return;
      if (protocol === "tcp" && row.state === LISTEN)
        listing.listeners.add(row.localAddress, row.localPort);
      if (wanted.has(row.inode)) listing.rows.push(row);
    });
    if (!read && table === "tcp") return undefined;
  }
  return listing;
}

const LINE =
  /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)/;

/** Pure: one line of `/proc/net/tcp` and the like; undefined where it is none, as the first. */
export function parseSocketLine(line: string, protocol: Protocol): SocketRow | undefined {
  const match = LINE.exec(line);
  if (!match) return undefined;
  const [, local = "", localPort = "", remote = "", remotePort = "", state = "", inode = ""] =
    match;
  return {
    protocol,
    state: Number.parseInt(state, 16),
    inode: Number(inode),
    localAddress: addressText(addressBytes(local)),
    localPort: Number.parseInt(localPort, 16),
    remoteAddress: addressText(addressBytes(remote)),
    remotePort: Number.parseInt(remotePort, 16),
  };
}

/** The kernel prints an address as words of 32 bits in its own, little-endian order. */
function addressBytes(hex: string): Uint8Array {
  const bytes = Buffer.from(hex, "hex");
  return bytes.swap32();
}
