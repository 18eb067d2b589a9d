import type { ProcessSample, ProcessSighting } from "../model/sample.ts";

/** A process for good: pids are reused, and the start time tells one bearer from the next. */
export interface ProcessIdentity {
  pid: number;
  startTimeMs?: number | undefined;
}

/**
 * Whether a sighting is one of the owner's processes. One without a start time is only where the
 * lists know no two bearers of its pid; what the driver's books tell of the dead has a start of
 * another kind (its first use of the device) and speaks for nobody here.
 */
export function belonging(
  own: readonly ProcessIdentity[],
  lists: readonly ProcessSample[],
): (sighting: ProcessSighting) => boolean {
  const starts = new Map<number, Set<number>>();
  const learn = ({ pid, startTimeMs }: ProcessIdentity): void => {
    if (startTimeMs === undefined) return;
    const known = starts.get(pid);
    if (known) known.add(startTimeMs);
    else starts.set(pid, new Set([startTimeMs]));
  };
  const mine = new Map<number, Set<number | undefined>>();
  for (const each of own) {
    learn(each);
    const known = mine.get(each.pid);
    if (known) known.add(each.startTimeMs);
    else mine.set(each.pid, new Set([each.startTimeMs]));
  }
  for (const { list } of lists) for (const each of list) if (!each.exited) learn(each);
  return ({ pid, startTimeMs, exited }) => {
    const known = mine.get(pid);
    if (!known || exited) return false;
    if (startTimeMs !== undefined && known.has(startTimeMs)) return true;
    const isOnlyBearer = (starts.get(pid)?.size ?? 0) <= 1;
    return isOnlyBearer && (startTimeMs === undefined || known.has(undefined));
  };
}

/** The second that ends at `second`. Undefined is one of which the driver's word is missing. */
export interface SecondOfUse {
  /** Seconds since the epoch. */
  second: number;
  own: number | undefined;
  others: number | undefined;
}

/**
 * The driver samples each process at moments of its own, every sixth of a second to every second, so
 * lists that are read faster repeat or miss readings: a second is the finest that all of them fill.
 */
const SECOND_MS = 1000;

/** What one process was told to use in each second of the context, and how often. */
interface Told {
  sums: Float64Array;
  counts: Uint32Array;
}

/**
 * How much of the device's time the owner's processes had, and everybody else's, second by second.
 * @param lists of a bounded stretch of time: every second of it costs memory
 * @returns in time order; empty where no list tells of anybody's use, or never of the owner's
 */
export function useBySecond(
  lists: readonly ProcessSample[],
  isOwn: (sighting: ProcessSighting) => boolean,
): SecondOfUse[] {
  let [first, last] = [Infinity, -Infinity];
  for (const { atMs } of lists) {
    first = Math.min(first, Math.ceil(atMs / SECOND_MS));
    last = Math.max(last, Math.ceil(atMs / SECOND_MS));
  }
  if (first > last) return [];
  const length = last - first + 1;
  const isTold = new Uint8Array(length);
  const [own, others] = [new Map<number, Told>(), new Map<number, Told>()];
  for (const { atMs, list } of lists) {
    const at = Math.ceil(atMs / SECOND_MS) - first;
    // A list that tells of nobody's use may be one of rest, or one without the driver's word.
    if (list.length === 0) isTold[at] = 1;
    for (const process of list) {
      if (process.smUtil === undefined) continue;
      isTold[at] = 1;
      note(isOwn(process) ? own : others, process.pid, at, process.smUtil, length);
    }
  }
  if (own.size === 0) return [];
  const order: number[] = [];
  isTold.forEach((told, at) => told && order.push(at));
  const [mine, theirs] = [summed([...own.values()], order), summed([...others.values()], order)];
  return order.map((at, i) => ({ second: first + at, own: mine[i], others: theirs[i] }));
}

function note(into: Map<number, Told>, pid: number, at: number, use: number, length: number): void {
  let told = into.get(pid);
  if (!told) {
    told = { sums: new Float64Array(length), counts: new Uint32Array(length) };
    into.set(pid, told);
  }
  told.sums[at] = (told.sums[at] ?? 0) + use;
  told.counts[at] = (told.counts[at] ?? 0) + 1;
}

/** The use of several processes together; undefined in a second in which one of them is not known. */
function summed(processes: readonly Told[], order: readonly number[]): (number | undefined)[] {
  return order.map((_, i) => {
    let sum = 0;
    for (const told of processes) {
      const use = useAt(told, order, i);
      if (use === undefined) return undefined;
      sum += use;
    }
    return sum;
  });
}

/**
 * The driver tells of those that did something, so whom it leaves out while it tells of others did
 * nothing. But its word may be late: one silent second between two others is not known.
 */
function useAt({ sums, counts }: Told, order: readonly number[], i: number): number | undefined {
  const count = counts[order[i] ?? -1] ?? 0;
  if (count > 0) return (sums[order[i] ?? -1] ?? 0) / count;
  const [before, after] = [counts[order[i - 1] ?? -1], counts[order[i + 1] ?? -1]];
  return before !== 0 && after !== 0 && (before ?? after) !== undefined ? undefined : 0;
}
