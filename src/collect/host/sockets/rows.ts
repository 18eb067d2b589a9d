import ipaddr from "ipaddr.js";

/** Pure: sockets as the kernel lists them, whichever way they were asked for. */

export type Protocol = "tcp" | "udp";

export interface SocketRow {
  protocol: Protocol;
  /** As Linux numbers it. */
  state: number;
  inode: number;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  remotePort: number;
  /** The kernel's own record of it, by which the very same socket is asked for again. */
  diag?: Uint8Array | undefined;
}

/** What a network namespace has: the sockets that were asked for, and where it listens. */
export interface Listing {
  rows: SocketRow[];
  listeners: Listeners;
}

/** Of include/net/tcp_states.h. */
const STATES = [
  "",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
] as const;

export const ESTABLISHED = 1;
export const FIN_WAIT2 = 5;
export const LISTEN = 10;

/** Those that somebody holds and that lead somewhere: not half-open ones of a listener, not the dead. */
export const TCP_STATES: readonly number[] = [1, 2, 4, 5, 8, 9, LISTEN, 11];
/** Of datagrams only those that were tied to one other side. */
export const UDP_STATES: readonly number[] = [ESTABLISHED];

export function isWanted(protocol: Protocol, state: number): boolean {
  return (protocol === "tcp" ? TCP_STATES : UDP_STATES).includes(state);
}

/** As Linux names it; the number where it has a new one. */
export function stateName(state: number): string {
  return STATES[state] || String(state);
}

/** Four or sixteen bytes as text; an IPv4 address within IPv6 as itself. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const address = new ipaddr.IPv6([...bytes]);
  return address.isIPv4MappedAddress()
    ? address.toIPv4Address().toString()
    : address.toRFC5952String();
}

/** Where a namespace listens: by port, the addresses. */
export class Listeners {
  readonly #addresses = new Map<number, Set<string>>();

  add(address: string, port: number): void {
    const known = this.#addresses.get(port);
    if (known) known.add(address);
    else this.#addresses.set(port, new Set([address]));
  }

  /** Whether a connection with that local end came in there. */
  takes(address: string, port: number): boolean {
    const addresses = this.#addresses.get(port);
    if (!addresses) return false;
    return addresses.has(address) || addresses.has("0.0.0.0") || addresses.has("::");
  }
}
