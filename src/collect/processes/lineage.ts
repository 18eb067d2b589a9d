import type { Ancestor } from "../../model/sample.ts";
import type { StatLine } from "./parse.ts";
import { setNewest } from "../../model/recent.ts";

/** Ancestors that are told of one process. */
export const MAX_LINEAGE = 16;
/** Ancestors kept in mind: those of a node's jobs are few, and the same again and again. */
const MAX_KEPT = 1024;

/** How a process above another one is looked at. */
export interface LineageDeps {
  stat(pid: number): StatLine | undefined;
  /** Everything of an ancestor that is no identity, read anew. */
  describe(pid: number, stat: StatLine): Ancestor;
  monotonicMs(): number;
}

interface Kept {
  startTicks: number;
  comm: string;
  readAtMs: number;
  ancestor: Ancestor;
}

/** What processes descend from. Each ancestor is read once in a while, whoever asks. */
export class LineageReader {
  readonly #deps: LineageDeps;
  readonly #refreshMs: number;
  /** In the order in which they were read, oldest first. */
  readonly #kept = new Map<number, Kept>();

  constructor(deps: LineageDeps, refreshMs: number) {
    this.#deps = deps;
    this.#refreshMs = refreshMs;
  }

  /**
   * What a process descends from, nearest first, up to the first one that cannot be looked at.
   * @returns undefined where not even its parent can
   */
  of(child: StatLine): Ancestor[] | undefined {
    if (child.ppid === 0) return [];
    const lineage: Ancestor[] = [];
    let below = child;
    while (below.ppid > 0 && lineage.length < MAX_LINEAGE) {
      const { ppid } = below;
      const stat = this.#deps.stat(ppid);
      // A parent that began after its child is another process with the number of the one that is gone.
      if (!stat || stat.startTicks > below.startTicks) break;
      lineage.push(this.#ancestor(ppid, stat));
      below = stat;
    }
    return lineage.length > 0 ? lineage : undefined;
  }

  #ancestor(pid: number, stat: StatLine): Ancestor {
    const { startTicks, comm } = stat;
    const nowMs = this.#deps.monotonicMs();
    const kept = this.#kept.get(pid);
    const isSame = kept?.startTicks === startTicks && kept.comm === comm;
    if (kept && isSame && nowMs - kept.readAtMs < this.#refreshMs) return kept.ancestor;
    const ancestor = this.#deps.describe(pid, stat);
    setNewest(this.#kept, pid, { startTicks, comm, readAtMs: nowMs, ancestor }, MAX_KEPT);
    return ancestor;
  }
}
