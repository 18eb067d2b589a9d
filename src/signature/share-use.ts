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

/** What one process was told to use in each second, and how often. */
type Told = Map<number, { sum: number; count: number }>;

/**
 * How much of the device's time the owner's processes had, and everybody else's, second by second.
 * @returns in time order; empty where no list tells of anybody's use, or never of the owner's
 */
export function useBySecond(
  lists: readonly ProcessSample[],
  isOwn: (sighting: ProcessSighting) => boolean,
): SecondOfUse[] {
  const [own, others] = [new Map<number, Told>(), new Map<number, Told>()];
  const seconds = new Set<number>();
  for (const { atMs, list } of lists) {
    const second = Math.ceil(atMs / SECOND_MS);
    // A list that tells of nobody's use may be one of rest, or one without the driver's word.
    if (list.length === 0 || list.some(({ smUtil }) => smUtil !== undefined)) seconds.add(second);
    for (const process of list) note(isOwn(process) ? own : others, process, second);
  }
  if (own.size === 0) return [];
  const order = [...seconds].sort((a, b) => a - b);
  const [mine, theirs] = [summed([...own.values()], order), summed([...others.values()], order)];
  return order.map((second, i) => ({ second, own: mine[i], others: theirs[i] }));
}

function note(into: Map<number, Told>, { pid, smUtil }: ProcessSighting, second: number): void {
  if (smUtil === undefined) return;
  const told: Told = into.get(pid) ?? new Map();
  const known = told.get(second) ?? { sum: 0, count: 0 };
  told.set(second, { sum: known.sum + smUtil, count: known.count + 1 });
  into.set(pid, told);
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
function useAt(told: Told, order: readonly number[], i: number): number | undefined {
  const at = (index: number): { sum: number; count: number } | undefined =>
    told.get(order[index] ?? Number.NaN);
  const here = at(i);
  if (here) return here.sum / here.count;
  const isLate = at(i - 1) !== undefined || at(i + 1) !== undefined;
  const silentBeside = (i > 0 && !at(i - 1)) || (i < order.length - 1 && !at(i + 1));
  return isLate && !silentBeside ? undefined : 0;
}
