import { join } from "node:path";
import { listProcesses } from "../drm/inspect.ts";
import { parseCgroup, parseLoginUid, parseStat, parseUid } from "../processes/parse.ts";
import { type Boundary, boundaryOf } from "./boundary.ts";
import { readSmall } from "./files.ts";
import type { TreeProcess } from "./trees.ts";

/** What is remembered of a process. `pid` and `startTicks` name it for good. */
export interface Entry extends TreeProcess {
  comm: string;
  isKernel: boolean;
  /** Number of the scan that read its stat last, and that saw it first. */
  readIn: number;
  firstIn: number;
}

interface Groups {
  boundary: Boundary | undefined;
  readIn: number;
}

/** Processes whose stat is read in one scan at most; the rest waits for the next. */
const MAX_READS = 10_000;
/** A process is read anew in each of its first scans: it may still change its session and its parent. */
const YOUNG_SCANS = 6;
/** Clock ticks: who began this long before the youngest is not young, though it was just seen first. */
const YOUNG_TICKS = 3000;
/** In as many scans all known ones are read anew. */
const ROUND_SCANS = 24;
/** `4294967295`: no audit session, as of everything that the node itself started. */
const NO_SESSION = 0xffff_ffff;

/**
 * All processes that `/proc` shows, cheaply: what is new or young is read at each scan, the others in
 * turn, and whoever matters by {@link current} just before it is used. So a number that passed to another
 * process is noticed before anything is said of it.
 */
export class ProcessTable {
  readonly #root: string;
  readonly #entries = new Map<number, Entry>();
  readonly #boundaries = new Map<string, Boundary | undefined>();
  readonly #groups = new WeakMap<Entry, Groups>();
  readonly #audit = new WeakMap<Entry, number>();
  readonly #users = new WeakMap<Entry, { uid: number | undefined; login: number | undefined }>();
  #scan = 0;
  #turn = 0;
  #newestTicks = 0;
  /** Processes that were listed, but not read for want of time. */
  unread = 0;

  constructor(procRoot: string) {
    this.#root = procRoot;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Begins a scan: drops who is gone, reads who is new or young, and some of the others. */
  refresh(): void {
    this.#scan += 1;
    const pids = listProcesses(this.#root);
    const listed = new Set(pids);
    for (const pid of this.#entries.keys()) if (!listed.has(pid)) this.#entries.delete(pid);
    let reads = 0;
    this.unread = 0;
    // From the end: numbers are given upwards, so the youngest come first.
    for (let index = pids.length - 1; index >= 0; index -= 1) {
      const pid = pids[index] ?? 0;
      const known = this.#entries.get(pid);
      if (known && !this.#isDue(known)) continue;
      if (reads >= MAX_READS) this.unread += known ? 0 : 1;
      else this.#read(pid);
      reads += 1;
    }
    // Only now: the youngest were read before what they come from.
    for (const entry of this.#entries.values())
      if (entry.firstIn === this.#scan) entry.origin = this.#parentOf(entry);
    this.#turn = (this.#turn + 1) % ROUND_SCANS;
  }

  /** What is known of a process, read at once where nothing is yet. */
  get(pid: number): Entry | undefined {
    return this.#entries.get(pid) ?? this.#read(pid);
  }

  /** The process that has the number now, read anew; undefined where there is none. */
  current(pid: number): Entry | undefined {
    return this.#read(pid);
  }

  /** Whether the process is still there, under its number. */
  isCurrent(entry: Entry): boolean {
    return this.#read(entry.pid) === entry;
  }

  has(entry: Entry): boolean {
    return this.#entries.get(entry.pid) === entry;
  }

  /** It began not long before the youngest of all. */
  isYoung(entry: Entry): boolean {
    return entry.startTicks >= this.#newestTicks - YOUNG_TICKS;
  }

  /** The pod, container, job or login that it runs in. */
  boundaryOf(entry: Entry): Boundary | undefined {
    if (entry.isKernel) return undefined;
    const known = this.#groups.get(entry);
    if (known && known.readIn >= entry.readIn) return known.boundary;
    const text = readSmall(join(this.#root, String(entry.pid), "cgroup"));
    const path = text === undefined ? undefined : parseCgroup(text);
    const boundary = path === undefined ? undefined : this.#boundary(path);
    this.#groups.set(entry, { boundary, readIn: entry.readIn });
    return boundary;
  }

  /** Of the kernel's audit: one for each login, kept through sudo, su and setsid. */
  auditSessionOf(entry: Entry): number | undefined {
    if (entry.isKernel) return undefined;
    let session = this.#audit.get(entry);
    if (session === undefined) {
      const text = readSmall(join(this.#root, String(entry.pid), "sessionid"))?.trim();
      session = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : NO_SESSION;
      this.#audit.set(entry, session);
    }
    return session === NO_SESSION ? undefined : session;
  }

  /** The account that runs it, and the one that logged in. */
  usersOf(entry: Entry): { uid: number | undefined; login: number | undefined } {
    const known = this.#users.get(entry);
    if (known) return known;
    const folder = join(this.#root, String(entry.pid));
    const uid = parseUid(readSmall(join(folder, "status")) ?? "");
    const login = parseLoginUid(readSmall(join(folder, "loginuid")) ?? "");
    const users = { uid, login };
    this.#users.set(entry, users);
    return users;
  }

  #parentOf({ ppid, startTicks }: Entry): Entry["origin"] {
    const parent = this.#entries.get(ppid);
    if (!parent || parent.startTicks > startTicks) return undefined;
    return { pid: parent.pid, startTicks: parent.startTicks };
  }

  #isDue(entry: Entry): boolean {
    if (this.isYoung(entry) && this.#scan - entry.firstIn <= YOUNG_SCANS) return true;
    return entry.pid % ROUND_SCANS === this.#turn;
  }

  #read(pid: number): Entry | undefined {
    const stat = parseStat(readSmall(join(this.#root, String(pid), "stat")) ?? "");
    const known = this.#entries.get(pid);
    if (!stat) {
      this.#entries.delete(pid);
      return undefined;
    }
    const { comm, ppid, session, isKernel, startTicks } = stat;
    if (known?.startTicks === startTicks) {
      // A program was started in it, maybe by sudo: who it is for is asked anew.
      if (known.comm !== comm) this.#users.delete(known);
      known.comm = comm;
      known.ppid = ppid;
      known.session = session;
      known.readIn = this.#scan;
      return known;
    }
    this.#newestTicks = Math.max(this.#newestTicks, startTicks);
    const entry: Entry = {
      pid,
      startTicks,
      ppid,
      session,
      comm,
      isKernel,
      readIn: this.#scan,
      firstIn: this.#scan,
    };
    this.#entries.set(pid, entry);
    return entry;
  }

  #boundary(path: string): Boundary | undefined {
    if (this.#boundaries.size > 10_000) this.#boundaries.clear();
    if (!this.#boundaries.has(path)) this.#boundaries.set(path, boundaryOf(path));
    return this.#boundaries.get(path);
  }
}
