import { addressText, LISTEN, type Listing, type Protocol, type SocketRow } from "./rows.ts";

/**
 * Pure: questions to the kernel's sock_diag and its answers, as bytes. Layouts are of linux/netlink.h,
 * linux/inet_diag.h and linux/tcp.h; numbers are of the machine's byte order, which is little-endian on
 * all that Node runs GPUs on, ports and addresses of the network's.
 */

const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x01;
const NLM_F_DUMP = 0x300;
const HEADER = 16;
const REQUEST = 56;
const SOCKET_ID = 48;
/** `inet_diag_msg`: four bytes, the id, five words; the inode is the last. */
const MESSAGE = 72;
const ID_AT = 4;
const INODE_AT = 68;
const INET_DIAG_INFO = 2;
/** In `tcp_info`, since Linux 4.1. */
const BYTES_ACKED_AT = 120;
const BYTES_RECEIVED_AT = 128;

export const FAMILIES = { ipv4: 2, ipv6: 10 } as const;
const PROTOCOLS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

/** Asks for all sockets of a family in the given states. */
export function dumpRequest(
  family: number,
  protocol: Protocol,
  states: readonly number[],
): Uint8Array {
  const mask = states.reduce((bits, state) => bits | (1 << state), 0);
  return request(family, protocol, NLM_F_REQUEST | NLM_F_DUMP, 0, mask);
}

/** Asks for the traffic of one TCP socket, which `row` was told of: the very same, or none. */
export function infoRequest(row: SocketRow): Uint8Array | undefined {
  if (!row.diag || row.protocol !== "tcp") return undefined;
  const family = row.diag[0] ?? 0;
  const bytes = request(family, "tcp", NLM_F_REQUEST, 1 << (INET_DIAG_INFO - 1), 0xffff_ffff);
  bytes.set(row.diag.subarray(ID_AT, ID_AT + SOCKET_ID), HEADER + 8);
  return bytes;
}

function request(
  family: number,
  protocol: Protocol,
  flags: number,
  extensions: number,
  states: number,
): Uint8Array {
  const bytes = new Uint8Array(HEADER + REQUEST);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, 1, true);
  view.setUint8(HEADER, family);
  view.setUint8(HEADER + 1, PROTOCOLS[protocol]);
  view.setUint8(HEADER + 2, extensions);
  view.setUint32(HEADER + 4, states >>> 0, true);
  return bytes;
}

/** `error` is the kernel's number of it, positive; 0 of a mere acknowledgement. */
export type Part = "more" | "done" | { error: number };

/** Walks over the messages of one datagram. @param onMessage of each socket, with its length */
function walk(
  bytes: Buffer,
  length: number,
  onMessage: (start: number, end: number) => void,
): Part {
  let at = 0;
  while (at + HEADER <= length) {
    const size = bytes.readUInt32LE(at);
    const type = bytes.readUInt16LE(at + 4);
    if (size < HEADER || at + size > length) return "done";
    if (type === NLMSG_DONE) return "done";
    if (type === NLMSG_ERROR) {
      const code = size >= HEADER + 4 ? -bytes.readInt32LE(at + HEADER) : 0;
      return { error: code };
    }
    if (type === SOCK_DIAG_BY_FAMILY && size >= HEADER + MESSAGE) onMessage(at + HEADER, at + size);
    at += (size + 3) & ~3;
  }
  return "more";
}

/**
 * Takes the sockets that are wanted, and all listeners, from one datagram of a dump.
 * @param wanted inodes
 */
export function readDump(
  bytes: Buffer,
  length: number,
  protocol: Protocol,
  wanted: ReadonlySet<number>,
  into: Listing,
): Part {
  return walk(bytes, length, (start) => {
    const state = bytes[start + 1] ?? 0;
    const inode = bytes.readUInt32LE(start + INODE_AT);
    const isListener = protocol === "tcp" && state === LISTEN;
    if (!isListener && !wanted.has(inode)) return;
    const row = rowAt(bytes, start, protocol, state, inode);
    if (isListener) into.listeners.add(row.localAddress, row.localPort);
    if (wanted.has(inode)) into.rows.push(row);
  });
}

function rowAt(
  bytes: Buffer,
  start: number,
  protocol: Protocol,
  state: number,
  inode: number,
): SocketRow {
  const id = start + ID_AT;
  const length = bytes[start] === FAMILIES.ipv4 ? 4 : 16;
  return {
    protocol,
    state,
    inode,
    localPort: bytes.readUInt16BE(id),
    remotePort: bytes.readUInt16BE(id + 2),
    localAddress: addressText(bytes.subarray(id + 4, id + 4 + length)),
    remoteAddress: addressText(bytes.subarray(id + 20, id + 20 + length)),
    diag: Uint8Array.from(bytes.subarray(start, start + MESSAGE)),
  };
}

export interface Traffic {
  state: number;
  /** Acknowledged by the other side. With the two that TCP counts for its opening and its end. */
  bytesAcked: number;
  bytesReceived: number;
}

/** The answer to {@link infoRequest}; undefined where the socket is gone, or the kernel is older than that. */
export function readTraffic(bytes: Buffer, length: number): Traffic | undefined {
  let traffic: Traffic | undefined;
  walk(bytes, length, (start, end) => {
    const state = bytes[start + 1] ?? 0;
    for (let at = start + MESSAGE; at + 4 <= end;) {
      const size = bytes.readUInt16LE(at);
      const type = bytes.readUInt16LE(at + 2);
      if (size < 4 || at + size > end) return;
      if (type === INET_DIAG_INFO && size - 4 >= BYTES_RECEIVED_AT + 8) {
        const info = at + 4;
        traffic = {
          state,
          bytesAcked: Number(bytes.readBigUInt64LE(info + BYTES_ACKED_AT)),
          bytesReceived: Number(bytes.readBigUInt64LE(info + BYTES_RECEIVED_AT)),
        };
      }
      at += (size + 3) & ~3;
    }
  });
  return traffic;
}
