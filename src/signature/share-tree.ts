import type { ProcessSighting } from "../model/sample.ts";

/** A chain of parents ends here: everything has the first process above it. */
const FIRST_PID = 1;

/**
 * How many of the host's processes belong to the trees of some holders of a device and to nobody
 * else's: below one of them, above them alone (their launcher), or below such a launcher.
 * @param host processes that hold no device
 * @param holders processes that hold this one; `isOwn` tells whose
 * @returns undefined where the host tells of processes and of nobody's parent
 */
export function treeSize(
  host: readonly ProcessSighting[],
  holders: readonly ProcessSighting[],
  isOwn: (sighting: ProcessSighting) => boolean,
): number | undefined {
  const holding = new Set(holders.map(({ pid }) => pid));
  const others = host.filter(({ pid }) => !holding.has(pid));
  if (others.length > 0 && others.every(({ ppid }) => ppid === undefined)) return undefined;
  const parents = new Map([...others, ...holders].map(({ pid, ppid }) => [pid, ppid]));
  const above = new Map<number, "own" | "other" | "both">();
  for (const holder of holders) {
    const whose = isOwn(holder) ? "own" : "other";
    let pid = stepUp(parents, holder.pid);
    for (let each = pid; each !== undefined && above.get(each) !== whose; each = pid) {
      const known = above.get(each);
      if (known === "both") break;
      above.set(each, known === undefined ? whose : "both");
      pid = stepUp(parents, each);
    }
  }
  // A holder stands for itself, whatever runs above or below it.
  for (const holder of holders) above.set(holder.pid, isOwn(holder) ? "own" : "other");
  return new Set(others.map(({ pid }) => pid).filter((pid) => ownerAbove(pid, parents, above)))
    .size;
}

type Parents = ReadonlyMap<number, number | undefined>;

function stepUp(parents: Parents, pid: number): number | undefined {
  const parent = parents.get(pid);
  return parent === undefined || parent <= FIRST_PID || !parents.has(parent) ? undefined : parent;
}

/** Whether the nearest process above that stands over holders stands over the owner's alone. */
function ownerAbove(
  from: number,
  parents: Parents,
  above: Map<number, "own" | "other" | "both">,
): boolean {
  const path: number[] = [];
  let pid: number | undefined = from;
  while (pid !== undefined && !above.has(pid)) {
    // What was walked once is answered from then on; a chain that bites its own tail ends here.
    above.set(pid, "both");
    path.push(pid);
    pid = stepUp(parents, pid);
  }
  const found = (pid === undefined ? undefined : above.get(pid)) ?? "both";
  for (const each of path) above.set(each, found);
  return found === "own";
}
