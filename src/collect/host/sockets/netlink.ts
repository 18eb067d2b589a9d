import { closeSync, fstatSync, openSync } from "node:fs";
import { dumpRequest, FAMILIES, infoRequest, readDump, readTraffic, type Traffic } from "./diag.ts";
import type { LibC } from "../libc.ts";
import { LostNamespaceError } from "./lost.ts";
import { Listeners, type Listing, type SocketRow, TCP_STATES, UDP_STATES } from "./rows.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_SOCK_DIAG = 4;
/** The kernel answers from memory: who waits this long waits for nothing. */
const TIMEOUT_MS = 2000;
/** It fills at most 32 KiB at a time. */
const ANSWER = Buffer.allocUnsafe(64 * 1024);
/** Datagrams of one dump: some fifteen million sockets. */
const MAX_ANSWERS = 50_000;

/** A connection to the kernel's sock_diag within one network namespace. */
export class DiagSocket {
  readonly #c: LibC;
  readonly #socket: number;

  private constructor(c: LibC, socket: number) {
    this.#c = c;
    this.#socket = socket;
  }

  /** In the namespace that this thread is in; undefined where the kernel refuses. */
  static open(c: LibC): DiagSocket | undefined {
    const socket = c.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (socket < 0) return undefined;
    // Without an end to the wait, a thread could be lost in it.
    if (!c.setReceiveTimeout(socket, TIMEOUT_MS)) {
      c.close(socket);
      return undefined;
    }
    return new DiagSocket(c, socket);
  }

  /**
   * In another namespace: a socket stays in the one it was made in, so this thread is there for that
   * one call only. Undefined where that is not allowed, or the file is of another namespace by now.
   * @param path `/proc/PID/ns/net`
   * @param inode of the namespace that is meant
   * @param ownPath the namespace to come back to
   * @throws LostNamespaceError
   */
  static openIn(c: LibC, path: string, inode: number, ownPath: string): DiagSocket | undefined {
    const own = openFile(ownPath);
    const other = openFile(path);
    try {
      if (own === undefined || other === undefined) return undefined;
      if (fstatSync(other).ino !== inode || !c.enterNetwork(other)) return undefined;
      const opened = DiagSocket.open(c);
      if (c.enterNetwork(own)) return opened;
      opened?.close();
      throw new LostNamespaceError("the reading thread could not leave a network namespace");
    } finally {
      for (const file of [own, other]) if (file !== undefined) closeSync(file);
    }
  }

  /** The wanted sockets and all listeners; undefined where the kernel does not tell. */
  list(wanted: ReadonlySet<number>): Listing | undefined {
    const listing: Listing = { rows: [], listeners: new Listeners() };
    for (const family of Object.values(FAMILIES))
      for (const protocol of ["tcp", "udp"] as const) {
        const states = protocol === "tcp" ? TCP_STATES : UDP_STATES;
        const isTold = this.#dump(dumpRequest(family, protocol, states), (length) =>
          readDump(ANSWER, length, protocol, wanted, listing),
        );
        // A kernel without IPv6, or without the module for datagrams, still tells the rest.
        if (!isTold && family === FAMILIES.ipv4 && protocol === "tcp") return undefined;
      }
    return listing;
  }

  /** What one TCP socket has carried; undefined where it is gone. */
  traffic(row: SocketRow): Traffic | undefined {
    const question = infoRequest(row);
    if (!question || this.#c.send(this.#socket, question) < 0) return undefined;
    const length = this.#c.recv(this.#socket, ANSWER);
    return length > 0 ? readTraffic(ANSWER, length) : undefined;
  }

  close(): void {
    this.#c.close(this.#socket);
  }

  #dump(question: Uint8Array, read: (length: number) => ReturnType<typeof readDump>): boolean {
    if (this.#c.send(this.#socket, question) < 0) return false;
    for (let answer = 0; answer < MAX_ANSWERS; answer += 1) {
      const length = this.#c.recv(this.#socket, ANSWER);
      if (length <= 0) return false;
      const part = read(length);
      if (part !== "more") return part === "done";
    }
    return false;
  }
}

function openFile(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
