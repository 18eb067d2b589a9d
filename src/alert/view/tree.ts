import type { KnownProcess } from "../../ledger/contract.ts";
import type { Ancestor } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";

/** A process and what it started, as far as it was seen. Strings are escaped. */
export interface ProcessNode {
  pid: number;
  name?: string | undefined;
  command?: string | undefined;
  user?: string | undefined;
  startedMs?: number | undefined;
  /** Devices it was seen on. */
  gpus: readonly string[];
  /** Evidence of the incident names it. */
  isNamed: boolean;
  children: ProcessNode[];
}

/** Ancestors above a process: a login, a runtime's shim, a step of the scheduler. */
const MAX_ANCESTORS = 6;
const INIT = 1;

interface Grown extends ProcessNode {
  parent?: Grown | undefined;
  children: Grown[];
}

/**
 * Processes as the trees they came in: ancestors, those on a GPU, and the others of the tree. Of a pid
 * that was used twice, each process is a node of its own.
 * @param named pids that evidence is about
 */
export function processTree(
  processes: readonly KnownProcess[],
  named: ReadonlySet<number>,
): ProcessNode[] {
  const nodes = new Map<string, Grown>();
  const newestFirst = [...processes].sort((a, b) => b.firstSeenMs - a.firstSeenMs);
  for (const process of newestFirst) {
    const key = keyOf(process.pid, process.startTimeMs);
    if (!nodes.has(key)) nodes.set(key, nodeOf(process, named));
  }
  for (const process of newestFirst) {
    const node = nodes.get(keyOf(process.pid, process.startTimeMs));
    if (node && !node.parent) hang(node, process, nodes);
  }
  for (const node of nodes.values()) node.parent?.children.push(node);
  const roots = [...nodes.values()].filter(({ parent }) => !parent);
  return roots.map((root) => bare(root)).sort(byTime);
}

/** Hangs a process under its lineage, nearest first, and where that is not known under its parent. */
function hang(node: Grown, process: KnownProcess, nodes: Map<string, Grown>): void {
  let child = node;
  const lineage = (process.lineage ?? []).filter(({ pid }) => pid !== INIT);
  for (const ancestor of lineage.slice(0, MAX_ANCESTORS)) {
    const key = keyOf(ancestor.pid, ancestor.startTimeMs);
    const above = nodes.get(key) ?? find(nodes, ancestor) ?? ancestorNode(ancestor);
    if (isAbove(child, above)) return;
    if (!nodes.has(key)) nodes.set(key, above);
    child.parent = above;
    if (above.parent) return;
    child = above;
  }
  const { ppid } = process;
  if (lineage.length > 0 || ppid === undefined || ppid === INIT) return;
  const above = find(nodes, { pid: ppid });
  if (above && !isAbove(node, above)) node.parent = above;
}

/** A lineage may know less of a start than the process itself. */
function find(
  nodes: ReadonlyMap<string, Grown>,
  { pid, startTimeMs }: Ancestor,
): Grown | undefined {
  return [...nodes.values()].find(
    (node) => node.pid === pid && (startTimeMs === undefined || node.startedMs === undefined),
  );
}

/** Whether `of` stands above `node` already, or is it: a lineage that bites its tail makes no tree. */
function isAbove(of: Grown, node: Grown): boolean {
  for (let at: Grown | undefined = node; at; at = at.parent) if (at === of) return true;
  return false;
}

/** The node with its children in order, and without the way up. */
function bare(node: Grown): ProcessNode {
  const { parent: _, children, ...own } = node;
  return { ...own, children: children.map((child) => bare(child)).sort(byTime) };
}

function nodeOf(process: KnownProcess, named: ReadonlySet<number>): Grown {
  const { pid, comm, command, exe, user, startTimeMs, gpuUuids } = process;
  const words = command ?? exe;
  return {
    pid,
    name: comm === undefined ? undefined : sanitize(comm, 64),
    command: words === undefined ? undefined : sanitize(words, 400),
    user: user === undefined ? undefined : sanitize(user, 64),
    startedMs: startTimeMs,
    gpus: gpuUuids.map((uuid) => sanitize(uuid, 100)),
    isNamed: named.has(pid),
    children: [],
  };
}

function ancestorNode({ pid, comm, title, exe, user, startTimeMs }: Ancestor): Grown {
  const words = title ?? exe;
  return {
    pid,
    name: comm === undefined ? undefined : sanitize(comm, 64),
    command: words === undefined ? undefined : sanitize(words, 200),
    user: user === undefined ? undefined : sanitize(user, 64),
    startedMs: startTimeMs,
    gpus: [],
    isNamed: false,
    children: [],
  };
}

function keyOf(pid: number, startTimeMs: number | undefined): string {
  return `${pid} ${startTimeMs ?? ""}`;
}

function byTime(a: ProcessNode, b: ProcessNode): number {
  return (a.startedMs ?? 0) - (b.startedMs ?? 0) || a.pid - b.pid;
}
