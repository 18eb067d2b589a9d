import type { ProcessSighting } from "../../model/sample.ts";
import { readMeasuredU64, readU32 } from "./layouts.ts";
import { MAX_PID } from "./process-layouts.ts";

export const ACCOUNTING_STATS = 56;
/** The driver's own books hold some thousands: more than this is not kept of anything. */
export const MAX_BOOKED = 4096;
/** Apart by this factor, two pids make one number that is still exact. */
const PAIR = 2 ** 23;

/** What the driver booked of one process. */
export interface AccountingStats {
  /** Share of its life in which a kernel of it ran, 0..1. */
  gpuUtil: number | undefined;
  startTimeMs: number;
  /** Length of its life; 0 while it runs. */
  timeMs: number;
  isRunning: boolean;
}

/** nvmlAccountingStats_t: gpuUtilization 0 (%), time 16 (ms), startTime 24 (µs since 1970), isRunning 32. */
export function decodeAccountingStats(bytes: Uint8Array): AccountingStats | undefined {
  const percent = readU32(bytes, 0);
  const timeMs = readMeasuredU64(bytes, 16);
  const startUs = readMeasuredU64(bytes, 24);
  if (timeMs === undefined || startUs === undefined || startUs === 0) return undefined;
  return {
    gpuUtil: percent <= 100 ? percent / 100 : undefined,
    startTimeMs: Math.round(startUs / 1000),
    timeMs,
    isRunning: readU32(bytes, 32) !== 0,
  };
}

/** The stretch that a process list speaks for (Unix milliseconds). */
export interface ListStretch {
  fromMs: number;
  toMs: number;
}

/**
 * What is known of the driver's books. They hold thousands of processes, nearly all of them over for
 * long; asking for each costs a call. So it is found out which entries are new, and only those are
 * asked for. Nobody is told twice: a pid and when it began name one process.
 */
export class AccountingBook {
  #list: Uint32Array | undefined;
  /** Each pid of the list, with the one before it. */
  #pairs = new Set<number>();
  /** Not known to be over; those asked longest ago come first. */
  readonly #open = new Set<number>();
  /** When the process of that pid began that was told last. */
  readonly #told = new Map<number, number>();

  /**
   * Takes the list of pids. Those in the first one are taken for known: what ended before the first
   * process list is nobody's use of a stretch that was watched.
   *
   * The list has no times. But an entry is new, or its pid was used again, where another pid stands
   * before it than last time; dropping old entries at the ends and adding new ones leaves the others
   * where they are.
   */
  take(pids: Uint32Array): void {
    const before = this.#list;
    if (before && sameList(before, pids)) return;
    this.#list = pids.slice(0, MAX_BOOKED);
    const pairs = new Set<number>();
    let previous = 0;
    for (const pid of this.#list) {
      const pair = (previous % PAIR) * PAIR + pid;
      pairs.add(pair);
      previous = pid;
      if (before && !this.#pairs.has(pair) && isPid(pid)) this.#open.add(pid);
    }
    this.#pairs = pairs;
    const listed = new Set(this.#list);
    for (const pid of this.#open) if (!listed.has(pid)) this.#open.delete(pid);
  }

  /**
   * Whom to ask the driver about now.
   * @param onDevice those the process lists name: they run
   */
  toAsk(onDevice: ReadonlySet<number>, limit: number): number[] {
    const wanted: number[] = [];
    for (const pid of this.#open) {
      if (wanted.length >= limit) break;
      if (!onDevice.has(pid)) wanted.push(pid);
    }
    return wanted;
  }

  /**
   * Notes what the driver says of a process.
   * @param seen whether the process list before this one named it: then its use is told already
   * @returns the process, if it ended in the stretch and was never told
   */
  note(
    pid: number,
    stats: AccountingStats | undefined,
    stretch: ListStretch,
    seen: boolean,
  ): ProcessSighting | undefined {
    this.#open.delete(pid);
    if (!stats) return undefined;
    if (stats.isRunning) {
      this.#open.add(pid);
      return undefined;
    }
    const { startTimeMs } = stats;
    if (seen || this.#told.get(pid) === startTimeMs) return undefined;
    const share = shareOf(stats, stretch);
    if (!share) return undefined;
    this.#told.delete(pid);
    this.#told.set(pid, startTimeMs);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_BOOKED) break;
      this.#told.delete(oldest);
    }
    const { smUtil } = share;
    return { pid, startTimeMs, ...(smUtil !== undefined && { smUtil }), exited: true };
  }
}

/**
 * The use of the stretch by one that ended in it; undefined for one that did not. Spread over its
 * life, since the books hold no more than the mean.
 */
function shareOf(
  { gpuUtil, startTimeMs, timeMs }: AccountingStats,
  { fromMs, toMs }: ListStretch,
): { smUtil: number | undefined } | undefined {
  const lengthMs = toMs - fromMs;
  const endMs = startTimeMs + timeMs;
  // The driver is asked a little after `toMs`, so an end just behind it is no garbage.
  if (lengthMs <= 0 || endMs <= fromMs || endMs > toMs + lengthMs) return undefined;
  const overlapMs = Math.min(lengthMs, endMs - Math.max(startTimeMs, fromMs));
  return { smUtil: gpuUtil === undefined ? undefined : gpuUtil * (overlapMs / lengthMs) };
}

function isPid(pid: number): boolean {
  return pid > 0 && pid <= MAX_PID;
}

/** A plain loop: it is run over thousands of pids at every list, nearly always to the end. */
function sameList(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
