import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Observation } from "../../model/observation.ts";
import type { ProcessSighting } from "../../model/sample.ts";
import type { BlockingSource } from "../blocking.ts";
import type { OpenResult } from "../contract.ts";
import { isHostView } from "../drm/inspect.ts";
import { readLink } from "../files.ts";
import { createProcessReader, type ProcessReader } from "../processes/reader.ts";
import type { HolderHint } from "./board.ts";
import { OpenFiles } from "./open-files.ts";
import { HolderSearch } from "./holders.ts";
import { detailOf, type HostCounts } from "./detail.ts";
import { SocketScan, type SocketOwner } from "./sockets/scan.ts";
import { type Entry, ProcessTable } from "./table.ts";
import { treesOf } from "./trees.ts";

export interface HostSettings {
  procRoot: string;
  sockets: boolean;
  passwdPath?: string | undefined;
  hostsPath?: string | undefined;
  /** Told in one scan at most, nearest to a holder first: 2,000 by default. */
  maxProcesses?: number | undefined;
  /** The agent's own process, which with all it starts is in no tree; only tests give another. */
  selfPid?: number | undefined;
  /** Without it the files of `/proc` are asked for sockets; only tests leave it out. */
  netlink?: boolean | undefined;
}

const MAX_PROCESSES = 2000;
/** Links of open files that are read in one scan of the trees, and of one process. */
const MAX_LINKS = 100_000;
const MAX_LINKS_EACH = 16_384;
const REFRESH_MS = 60_000;

interface Member {
  entry: Entry;
  sighting: ProcessSighting;
  sockets: readonly number[];
}

/**
 * The processes around those that hold a GPU, and their connections. One `collect` is one scan; it blocks,
 * so this belongs on a thread of its own. It keeps no clock.
 */
export class HostSource implements BlockingSource {
  readonly #settings: HostSettings;
  readonly #reader: ProcessReader;
  readonly #sockets: SocketScan;
  #table: ProcessTable;
  #search: HolderSearch;
  #open: OpenFiles;
  #nowMs = 0;
  #detail = "no scan yet";

  constructor(settings: HostSettings) {
    this.#settings = settings;
    const { procRoot, passwdPath } = settings;
    this.#table = new ProcessTable(procRoot);
    this.#search = new HolderSearch(procRoot, this.#table);
    this.#open = new OpenFiles(procRoot, this.#table);
    this.#sockets = new SocketScan(settings);
    this.#reader = createProcessReader(
      {
        procRoot,
        passwdPath,
        pids: "trusted",
        refreshMs: REFRESH_MS,
        openFiles: false,
        stagger: true,
      },
      { monotonicMs: () => this.#nowMs },
    );
  }

  /** What the last scan saw, and what it could not. */
  get detail(): string {
    return this.#detail;
  }

  open(): OpenResult {
    const { procRoot } = this.#settings;
    if (existsSync(join(procRoot, "stat"))) return { status: "ready", detail: this.#detail };
    return { status: "absent", reason: `${procRoot} holds no processes` };
  }

  /**
   * @param hints processes that the drivers name
   * @throws LostNamespaceError where this thread must not go on
   */
  collect(atMs: number, nowMs: number, hints: readonly HolderHint[] = []): Observation[] {
    this.#nowMs = nowMs;
    const table = this.#table;
    table.refresh();
    this.#open.begin();
    const own = this.#ownPid();
    const isOwn = (entry: Entry): boolean => descendsFrom(entry, own, table);
    const holders = this.#search.find(hints, isOwn);
    const members = treesOf([...holders], table, isOwn);
    const max = this.#settings.maxProcesses ?? MAX_PROCESSES;
    const counts = this.#counts(holders.size, Math.max(0, members.length - max));
    const read = this.#read(members.slice(0, max), counts);
    // Those that a driver names are in the lists of their devices.
    const others = read.filter(({ entry }) => !this.#search.isNamed(entry));
    const list = others.map(({ sighting }) => sighting);
    counts.told = list.length;
    const seen: Observation[] = [{ kind: "host", atMs, list }];
    if (this.#settings.sockets) seen.push(...this.#readSockets(read, atMs, counts));
    this.#detail = detailOf(counts);
    return seen;
  }

  close(): void {
    const { procRoot } = this.#settings;
    this.#table = new ProcessTable(procRoot);
    this.#search = new HolderSearch(procRoot, this.#table);
    this.#open = new OpenFiles(procRoot, this.#table);
  }

  #counts(holders: number, untold: number): HostCounts {
    const pids = [...this.#table.entries()].map(({ pid }) => pid).sort((a, b) => a - b);
    return {
      processes: pids.length,
      unread: this.#table.unread,
      seesAll: isHostView(this.#settings.procRoot, pids),
      isSearched: this.#search.isComplete,
      denied: this.#search.denied(),
      holders,
      told: 0,
      untold,
      gone: 0,
      deniedMembers: 0,
      cutMembers: 0,
      sockets: undefined,
    };
  }

  #ownPid(): number {
    const { selfPid, procRoot } = this.#settings;
    return selfPid ?? Number(readLink(join(procRoot, "self")) ?? 0);
  }

  #read(entries: readonly Entry[], counts: HostCounts): Member[] {
    let links = MAX_LINKS;
    const members: Member[] = [];
    for (const entry of entries) {
      const member = this.#readOne(entry, Math.min(links, MAX_LINKS_EACH), counts);
      if (!member) counts.gone += 1;
      else members.push(member);
      links = Math.max(0, links - (member?.looked ?? 0));
    }
    return members;
  }

  /** Undefined where it ended meanwhile, or its number has passed on. */
  #readOne(
    entry: Entry,
    maxLinks: number,
    counts: HostCounts,
  ): (Member & { looked: number }) | undefined {
    const { pid } = entry;
    const details = this.#reader.describe(pid, entry.startTicks);
    const seen = details && this.#open.read(entry, maxLinks);
    if (!details || !seen || seen === "gone") return undefined;
    const { files, looked } = seen;
    if (files === "denied") {
      counts.deniedMembers += 1;
      return { entry, sighting: { pid, ...details }, sockets: [], looked: 0 };
    }
    counts.cutMembers += files.isCut ? 1 : 0;
    const { holdsDevice, sockets } = files;
    if (!files.isCut || holdsDevice) this.#search.note(entry, holdsDevice);
    return { entry, sighting: { pid, ...details, holdsDevice }, sockets, looked };
  }

  #readSockets(members: readonly Member[], atMs: number, counts: HostCounts): Observation[] {
    const owners = members.map(({ entry, sighting, sockets }): SocketOwner => {
      const { pid, startTicks } = entry;
      return { pid, startTicks, sockets, argv: sighting.argv ?? [] };
    });
    const { list, untold, unread, way } = this.#sockets.read(owners, atMs);
    const connected = new Set(list.map(({ pid }) => pid));
    for (const { entry } of members) this.#open.note(entry, connected.has(entry.pid));
    counts.sockets = { told: list.length, untold, unread, way };
    // Where nobody's files may be looked at, no connection is no finding.
    const isBlind = members.length > 0 && counts.deniedMembers === members.length;
    return isBlind ? [] : [{ kind: "sockets", atMs, list }];
  }
}

const MAX_DEPTH = 64;

/** Whether it is that process, or comes from it. */
function descendsFrom(entry: Entry, ancestor: number, table: ProcessTable): boolean {
  let below: Entry | undefined = entry;
  for (let depth = 0; below && depth < MAX_DEPTH; depth += 1) {
    if (below.pid === ancestor) return true;
    if (below.ppid <= 1) return false;
    below = table.get(below.ppid);
  }
  return false;
}
