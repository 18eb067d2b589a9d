import type { Boundary } from "./boundary.ts";

/** Pure: which processes belong to those that hold a GPU. */

export interface TreeProcess {
  pid: number;
  /** Clock ticks after boot: with `pid` it names the process for good. */
  startTicks: number;
  ppid: number;
  /** Process number of whoever began its session. */
  session: number;
  /** The parent it was first seen with: one that is gone or was given up since still tells where it came from. */
  origin?: { pid: number; startTicks: number } | undefined;
}

/** What is known of processes; asked only where it decides. */
export interface Kinship<T extends TreeProcess> {
  entries(): Iterable<T>;
  get(pid: number): T | undefined;
  boundaryOf(process: T): Boundary | undefined;
  auditSessionOf(process: T): number | undefined;
  usersOf(process: T): { uid: number | undefined; login: number | undefined };
}

/** Far enough for any chain of shells and launchers. */
const MAX_ANCESTORS = 64;
/** Ranks, in steps of kinship: those found by a session, a group or a login come after the family. */
const BY_SESSION = 1000;
const BY_GROUP = 1001;
const BY_LOGIN = 1002;

/**
 * The trees of the holders, nearest first, the holders themselves among them: what descends from them;
 * what they descend from, within their session, container or job; and whatever else is in there.
 * @param isOwn processes that are never in one: the agent's
 */
export function treesOf<T extends TreeProcess>(
  holders: readonly T[],
  all: Kinship<T>,
  isOwn: (process: T) => boolean,
): T[] {
  const ranks = new Map<T, number>();
  const note = (process: T, rank: number): boolean => {
    if (isOwn(process) || ranks.has(process)) return false;
    ranks.set(process, rank);
    return true;
  };
  for (const holder of holders) note(holder, 0);
  if (ranks.size === 0) return [];
  const seeds = new Set(ranks.keys());
  for (const holder of holders)
    for (const [steps, ancestor] of ancestorsWithin(holder, all).entries()) {
      if (isOwn(ancestor)) break;
      note(ancestor, steps + 1);
      seeds.add(ancestor);
    }
  const children = childrenOf(all);
  addDescendants(ranks, children, note);
  addMates([...seeds], all, note);
  // What a mate started belongs to it, wherever it has moved.
  addDescendants(ranks, children, note);
  return [...ranks].sort(([a, x], [b, y]) => x - y || a.pid - b.pid).map(([process]) => process);
}

/** What a process descends from, nearest first, up to where its session, container or job ends. */
function ancestorsWithin<T extends TreeProcess>(process: T, all: Kinship<T>): T[] {
  const found: T[] = [];
  const boundary = all.boundaryOf(process);
  const { uid } = all.usersOf(process);
  let below = process;
  while (found.length < MAX_ANCESTORS && below.ppid > 1) {
    const parent = all.get(below.ppid);
    if (!parent || parent.startTicks > below.startTicks) break;
    if (!belongs(parent)) break;
    found.push(parent);
    below = parent;
  }
  return found;

  function belongs(parent: T): boolean {
    const around = all.boundaryOf(parent);
    // Inside and outside of a container, a job or a login are never one tree.
    if (boundary?.path !== around?.path) return false;
    if (boundary && !boundary.isShared) return true;
    if (parent.session === below.session && parent.session > 1) return true;
    const login = all.auditSessionOf(process);
    if (login !== undefined && login === all.auditSessionOf(parent)) return true;
    // Whatever the node itself runs is root's: that says nothing.
    return uid !== undefined && uid !== 0 && uid === all.usersOf(parent).uid;
  }
}

function childrenOf<T extends TreeProcess>(all: Kinship<T>): Map<T, T[]> {
  const children = new Map<T, T[]>();
  const add = (parent: T, child: T): void => {
    const known = children.get(parent);
    if (known) known.push(child);
    else children.set(parent, [child]);
  };
  const byPid = new Map<number, T>();
  for (const process of all.entries()) byPid.set(process.pid, process);
  for (const process of byPid.values()) {
    const parent = byPid.get(process.ppid);
    if (parent && parent.startTicks <= process.startTicks) add(parent, process);
    const { origin } = process;
    if (!origin || origin.pid === process.ppid) continue;
    const first = byPid.get(origin.pid);
    if (first?.startTicks === origin.startTicks) add(first, process);
  }
  return children;
}

/** Breadth first, so that each comes with its nearest way. */
function addDescendants<T>(
  ranks: ReadonlyMap<T, number>,
  children: ReadonlyMap<T, readonly T[]>,
  note: (process: T, rank: number) => boolean,
): void {
  const queue = [...ranks].sort(([, a], [, b]) => a - b);
  for (const [process, rank] of queue)
    for (const child of children.get(process) ?? [])
      if (note(child, rank + 1)) queue.push([child, rank + 1]);
}

/** Those in the same session, pod, container, job or login as a holder, or as what it came from. */
function addMates<T extends TreeProcess>(
  seeds: readonly T[],
  all: Kinship<T>,
  note: (process: T, rank: number) => boolean,
): void {
  const sessions = new Map<number, T[]>();
  const groups = new Map<string, T[]>();
  const logins = new Set<number>();
  for (const seed of seeds) {
    if (seed.session > 1) sessions.set(seed.session, [...(sessions.get(seed.session) ?? []), seed]);
    const path = all.boundaryOf(seed)?.path;
    if (path !== undefined) groups.set(path, [...(groups.get(path) ?? []), seed]);
    const login = all.auditSessionOf(seed);
    if (login !== undefined) logins.add(login);
  }
  const sameUser = (one: T, others: readonly T[]): boolean => isOneUser(one, others, all);
  for (const process of all.entries()) {
    const boundary = groups.size > 0 ? all.boundaryOf(process) : undefined;
    const group = boundary && groups.get(boundary.path);
    if (group && boundary && (!boundary.isShared || sameUser(process, group))) {
      note(process, BY_GROUP);
      continue;
    }
    const mates = sessions.get(process.session);
    if (mates && sameUser(process, mates)) {
      note(process, BY_SESSION);
      continue;
    }
    if (logins.size === 0) continue;
    const login = all.auditSessionOf(process);
    if (login !== undefined && logins.has(login)) note(process, BY_LOGIN);
  }
}

/** Run by the same account as one of them, or by whoever the same person became with sudo. */
function isOneUser<T extends TreeProcess>(
  process: T,
  others: readonly T[],
  all: Kinship<T>,
): boolean {
  const { uid, login } = all.usersOf(process);
  return others.some((other) => {
    const users = all.usersOf(other);
    if (uid !== undefined && uid === users.uid) return true;
    return login !== undefined && login === users.login;
  });
}
