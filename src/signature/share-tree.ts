import type { ProcessSighting } from "../model/sample.ts";

/**
 * How many of the host's processes the holders of a device have started, and these in turn: loaders
 * and workers. What stands above or beside a holder (a shell, an agent, the rest of its container) is
 * no helper of its work: whoever starts a program from a busy place must not make it look otherwise.
 * @param host processes that hold no device
 * @param holders processes that hold this one; `isOwn` tells whose
 * @returns undefined where the host tells of processes and of nobody's parent
 */
export function treeSize(
  host: readonly ProcessSighting[],
  holders: readonly ProcessSighting[],
  isOwn: (sighting: ProcessSighting) => boolean,
): number | undefined {
  const holding = new Map(holders.map((each) => [each.pid, isOwn(each)]));
  const others = host.filter(({ pid }) => !holding.has(pid));
  if (others.length > 0 && others.every(({ ppid }) => ppid === undefined)) return undefined;
  const parents = new Map(others.map(({ pid, ppid }) => [pid, ppid]));
  /** Whether it is below one of the owner's, of those walked so far. */
  const below = new Map(holding);
  return new Set(others.map(({ pid }) => pid).filter((pid) => isBelow(pid, parents, below))).size;
}

/** Whether the nearest holder above a process is the owner's. What was walked is remembered. */
function isBelow(
  from: number,
  parents: ReadonlyMap<number, number | undefined>,
  below: Map<number, boolean>,
): boolean {
  const path: number[] = [];
  let pid: number | undefined = from;
  while (pid !== undefined && !below.has(pid)) {
    // Set at once, so that a chain that bites its own tail ends here.
    below.set(pid, false);
    path.push(pid);
    pid = parents.get(pid);
  }
  const found = pid !== undefined && below.get(pid) === true;
  for (const each of path) below.set(each, found);
  return found;
}
