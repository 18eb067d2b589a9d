import { bisector } from "d3-array";
import type { ProcessSample, ProcessSighting } from "../model/sample.ts";
import type { Window } from "../model/window.ts";

/**
 * Process lists are read less often than devices, and who holds a device changes slowly: a list
 * further away than this from an interval's end does not speak for it.
 */
export const PROCESS_LIST_SPEAKS_MS = 15_000;

/** A process that the host lacks in lists so far apart did not just end between two looks. */
export const HIDDEN_FOR_MS = 3000;

const byTime = bisector<ProcessSample, number>((sample) => sample.atMs);

/** The process lists of one device, as far as they speak for its intervals. */
export class Lists {
  /** Processes that the driver keeps naming and the host does not have. */
  readonly hiddenPids: ReadonlySet<number>;
  private readonly samples: readonly ProcessSample[];
  private readonly ownPids: ReadonlySet<number>;
  private readonly theirs = new Map<ProcessSample, ProcessSample>();

  /**
   * @param samples in time order
   * @param ownPids processes that hold the device for the agent: they hold memory and a context,
   *   which is no use of the device
   */
  constructor(samples: readonly ProcessSample[], ownPids: ReadonlySet<number>) {
    this.samples = samples;
    this.ownPids = ownPids;
    this.hiddenPids = hiddenIn(samples);
  }

  /**
   * Who was there in an interval, by the list nearest to its end; of two that are as near the later
   * one. Whoever began and ended between two lists is told by the second, and was there before it only.
   */
  speakingFor({ toMs }: Window): ProcessSample | undefined {
    const at = byTime.left(this.samples, toMs);
    const [before, after] = [this.samples[at - 1], this.samples[at]];
    const found = near(after, toMs) <= near(before, toMs) ? after : before;
    if (!found || near(found, toMs) > PROCESS_LIST_SPEAKS_MS) return undefined;
    const gone = after && near(after, toMs) <= PROCESS_LIST_SPEAKS_MS ? exited(after, toMs) : [];
    if (gone.length === 0 && !found.list.some((process) => process.exited))
      return this.withoutOwn(found);
    const list = [...found.list.filter((process) => !process.exited), ...gone];
    return this.withoutOwn({ ...found, list });
  }

  private withoutOwn(seen: ProcessSample): ProcessSample {
    if (this.ownPids.size === 0) return seen;
    const known = this.theirs.get(seen);
    if (known) return known;
    const list = seen.list.filter(({ pid }) => !this.ownPids.has(pid));
    const made = { ...seen, list };
    this.theirs.set(seen, made);
    return made;
  }
}

function near(sample: ProcessSample | undefined, atMs: number): number {
  return sample ? Math.abs(sample.atMs - atMs) : Infinity;
}

/** Those that the driver's books name who had begun by then: `startTimeMs` is their first use. */
function exited({ list }: ProcessSample, byMs: number): ProcessSighting[] {
  return list.filter((process) => process.exited && (process.startTimeMs ?? 0) < byMs);
}

function hiddenIn(samples: readonly ProcessSample[]): ReadonlySet<number> {
  const since = new Map<number, number>();
  const hidden = new Set<number>();
  for (const { atMs, list } of samples) {
    const unlisted = new Set<number>();
    for (const { pid, unlisted: isUnlisted } of list) if (isUnlisted) unlisted.add(pid);
    for (const pid of since.keys()) if (!unlisted.has(pid)) since.delete(pid);
    for (const pid of unlisted) {
      const sinceMs = since.get(pid) ?? atMs;
      since.set(pid, sinceMs);
      if (atMs - sinceMs >= HIDDEN_FOR_MS) hidden.add(pid);
    }
  }
  return hidden;
}
