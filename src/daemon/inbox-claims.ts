import type { Claim } from "./inbox-files.ts";

export interface ClaimsOptions {
  /** When the process with this pid began; undefined where there is none. */
  startTicks: (pid: number) => number | undefined;
  monotonicMs: () => number;
  /** How long a process that has ended is still known as ours. */
  lingerMs: number;
}

interface Known {
  startTicks: number;
  /** Undefined while it lives and is claimed. */
  endedAtMs: number | undefined;
}

/**
 * Which processes are the agent's own because somebody who may say so said so. A pid alone is
 * nothing: the process must have begun when the claim says, and a pid that went to another process
 * is nobody's. One that has ended stays known for a while, because its last windows are labelled
 * later than they end.
 */
export class Claims {
  readonly #options: ClaimsOptions;
  readonly #known = new Map<number, Known>();
  #pids: ReadonlySet<number> = new Set();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  pids(): ReadonlySet<number> {
    return this.#pids;
  }

  /** Whether a claimed process lives. */
  get isAnyAlive(): boolean {
    return [...this.#known.values()].some(({ endedAtMs }) => endedAtMs === undefined);
  }

  /**
   * Takes note of all claims that there are now.
   * @returns the paths of those whose process is not there: they say nothing any more
   */
  note(claims: readonly { path: string; claim: Claim }[]): string[] {
    const { startTicks, monotonicMs, lingerMs } = this.#options;
    const nowMs = monotonicMs();
    const alive = claims.filter(({ claim }) => startTicks(claim.pid) === claim.startTicks);
    for (const { claim } of alive)
      this.#known.set(claim.pid, { startTicks: claim.startTicks, endedAtMs: undefined });
    const claimed = new Set(alive.map(({ claim }) => claim.pid));
    for (const [pid, known] of this.#known) {
      if (!claimed.has(pid)) known.endedAtMs ??= nowMs;
      const begun = startTicks(pid);
      const isReused = begun !== undefined && begun !== known.startTicks;
      const isOver = known.endedAtMs !== undefined && nowMs - known.endedAtMs > lingerMs;
      if (isReused || isOver) this.#known.delete(pid);
    }
    this.#pids = new Set(this.#known.keys());
    return claims.filter((each) => !alive.includes(each)).map(({ path }) => path);
  }
}
