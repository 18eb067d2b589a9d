import { basename, join } from "node:path";
import { readBounded, readLink } from "../files.ts";
import { parseFdInfo, type DrmClient } from "./fdinfo.ts";
import { listNames } from "./files.ts";

/** A process that holds a device open. */
export interface Holder {
  pid: number;
  /** It computes through `/dev/kfd`, which its fdinfo does not count. */
  usesKfd: boolean;
  /** Every client it holds, by key, with a descriptor that leads to it. */
  clients: Map<string, { fd: string; client: DrmClient }>;
  /** The client of every descriptor. */
  keys: Map<string, string>;
}

/** What is known of the devices while processes are looked through. */
export interface DeviceNames {
  /** Names in `/dev/dri` of the cards that are read here. */
  nodes: ReadonlySet<string>;
  /** PCI addresses of the cards that are powered down. */
  asleepSlots: ReadonlySet<string>;
  /** Names of the sleeping cards that reading a holder's fdinfo would wake: those of xe do. */
  asleepNodes: ReadonlySet<string>;
}

const MAX_FDINFO_BYTES = 16 * 1024;
/** Descriptors that are looked at in one step. */
const FDS_A_STEP = 16;
/** Any folder before it: containers are free to put it elsewhere. */
const DRI_LINK = /\/dri\/(?:card|renderD)\d+$/;
const KFD_LINK = "/dev/kfd";

/**
 * Looks through the descriptors of one process, some at a step. Not found are those that a thread
 * holds apart from its process, which takes a program that hides on purpose.
 */
export class Inspection {
  readonly holder: Holder;
  /** A descriptor leads to one of our cards, but the kernel does not let us see, or say, which use it is. */
  hidden = false;
  readonly #path: string;
  readonly #fds: readonly string[];
  readonly #before: Holder | undefined;
  #next = 0;

  constructor(pid: number, path: string, fds: readonly string[], before: Holder | undefined) {
    this.holder = { pid, usesKfd: false, clients: new Map(), keys: new Map() };
    this.#path = path;
    this.#fds = fds;
    this.#before = before;
  }

  /** @returns true when all are looked at */
  step(names: DeviceNames): boolean {
    const end = Math.min(this.#fds.length, this.#next + FDS_A_STEP);
    for (; this.#next < end; this.#next++) this.#look(this.#fds[this.#next] ?? "", names);
    return this.#next >= this.#fds.length;
  }

  #look(fd: string, names: DeviceNames): void {
    // The link only: to ask for the file behind it could wait for a dead network disk.
    const link = readLink(join(this.#path, "fd", fd));
    if (link === KFD_LINK) this.holder.usesKfd = true;
    if (link === undefined || !DRI_LINK.test(link)) return;
    const node = basename(link);
    if (names.asleepNodes.has(node) && this.#keep(fd)) return;
    const info = readFdInfo(this.#path, fd);
    if (info === undefined) {
      // Gone meanwhile is no matter; still there but not to be read is.
      this.hidden ||= readLink(join(this.#path, "fd", fd)) !== undefined;
    } else if (info.kind === "unclear") {
      this.hidden ||= names.nodes.has(node);
    } else if (info.kind === "client") {
      this.#add(fd, info.client);
    }
  }

  #add(fd: string, client: DrmClient): void {
    this.holder.keys.set(fd, client.key);
    if (!this.holder.clients.has(client.key)) this.holder.clients.set(client.key, { fd, client });
  }

  /** What was known of a descriptor still holds: counters do not move while the card is off. */
  #keep(fd: string): boolean {
    const key = this.#before?.keys.get(fd);
    const held = key === undefined ? undefined : this.#before?.clients.get(key);
    if (held) this.#add(fd, held.client);
    return held !== undefined;
  }
}

/** Undefined where it cannot be read (any more). */
export function readFdInfo(
  processPath: string,
  fd: string,
): ReturnType<typeof parseFdInfo> | undefined {
  const text = readBounded(join(processPath, "fdinfo", fd), MAX_FDINFO_BYTES);
  return text === undefined ? undefined : parseFdInfo(text);
}

/** The numbers of all processes, ascending. */
export function listProcesses(procRoot: string): number[] {
  const names = listNames(procRoot);
  if (typeof names === "string") return [];
  const pids = names.filter((name) => /^\d{1,10}$/.test(name)).map(Number);
  return pids.sort((a, b) => a - b);
}

/** The kernel's number of the first process namespace (PROC_PID_INIT_INO of proc_ns.h). */
const HOST_NAMESPACE = "pid:[4026531836]";

/**
 * Whether all processes of the host show here at all: mounted with `hidepid`, others' do not, and in
 * a process namespace those outside of it do not.
 */
export function isHostView(procRoot: string, pids: readonly number[]): boolean {
  if (pids[0] !== 1) return false;
  const namespace = readLink(join(procRoot, "1", "ns", "pid"));
  return namespace === undefined || namespace === HOST_NAMESPACE;
}
