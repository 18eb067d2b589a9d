import type { ProcessSighting } from "../../model/sample.ts";
import {
  ACCOUNTING_STATS,
  AccountingBook,
  decodeAccountingStats,
  MAX_BOOKED,
} from "./accounting-book.ts";
import type { DeviceCalls } from "./device-calls.ts";
import { readU32, SIZES } from "./layouts.ts";
import { encodeCount } from "./process-layouts.ts";
import { NVML } from "./results.ts";

const MODE = "nvmlDeviceGetAccountingMode";
const PIDS = "nvmlDeviceGetAccountingPids";
const STATS = "nvmlDeviceGetAccountingStats";

/** So often it is looked whether somebody has switched the driver's books on or off. */
const CHECK_MS = 60_000;
/** The most processes asked for at one reading; the others wait for the next. */
const ASKED_AT_ONCE = 256;
const ENABLED = 1;

/** A list of processes that has just been read, and the moment. */
export interface ListedProcesses {
  /** Unix milliseconds. */
  atMs: number;
  /** Milliseconds of a clock that never steps. */
  nowMs: number;
  /** Nothing before it is told (Unix milliseconds). */
  sinceMs: number;
  /** Those the driver's lists name: they run. */
  running: ReadonlySet<number>;
  /** All that are told, with those only their use has betrayed. */
  named: ReadonlySet<number>;
}

/**
 * Finds the processes that began and ended between two process lists, in the books the driver keeps
 * where accounting mode is on. Only reads them: switching the mode on would change the card's
 * settings, and needs root.
 */
export class AccountingReader {
  readonly #calls: DeviceCalls;
  #book: AccountingBook | undefined;
  #checkAtMs = Number.NEGATIVE_INFINITY;
  #last: { nowMs: number; named: ReadonlySet<number> } | undefined;
  /** Numbers as the machine has them, which is as NVML writes them. */
  #pids = new Uint32Array(0);

  constructor(calls: DeviceCalls) {
    this.#calls = calls;
  }

  /** Those that used the device since the last list and are gone; nobody at the first. */
  exited(now: ListedProcesses): ProcessSighting[] {
    const last = this.#last;
    this.#last = { nowMs: now.nowMs, named: now.named };
    this.#checkMode(now.nowMs);
    const book = this.#book;
    const pids = book && this.#readPids();
    if (!book || !pids) return [];
    book.take(pids);
    if (!last) return [];
    // By the clock that never steps, so that a step between the lists makes no wrong stretch.
    const fromMs = Math.max(now.sinceMs, now.atMs - (now.nowMs - last.nowMs));
    return book.toAsk(now.running, ASKED_AT_ONCE).flatMap((pid) => {
      const stats = this.#calls.read(
        STATS,
        new Uint8Array(ACCOUNTING_STATS),
        decodeAccountingStats,
        {
          before: [pid],
        },
      );
      return book.note(pid, stats, { fromMs, toMs: now.atMs }, last.named.has(pid)) ?? [];
    });
  }

  #checkMode(nowMs: number): void {
    if (nowMs < this.#checkAtMs) return;
    this.#checkAtMs = nowMs + CHECK_MS;
    const mode = this.#calls.read(MODE, new Uint8Array(SIZES.u32), readU32);
    if (mode === ENABLED) this.#book ??= new AccountingBook();
    else if (mode !== undefined || !this.#calls.isSupported(MODE)) this.#book = undefined;
  }

  /** The driver's list in its own order; undefined where it cannot be had, or is absurdly long. */
  #readPids(): Uint32Array | undefined {
    for (;;) {
      const capacity = this.#pids.length;
      const count = encodeCount(capacity);
      const room = capacity === 0 ? null : new Uint8Array(this.#pids.buffer);
      const result = this.#calls.call(PIDS, [count, room]);
      const found = readU32(count);
      if (result === NVML.success) return this.#pids.subarray(0, Math.min(found, capacity));
      // The room for all there can be is kept: it is the same few kilobytes at every reading.
      const isWorthMore = result === NVML.insufficientSize && capacity < MAX_BOOKED;
      if (!isWorthMore || found > MAX_BOOKED) return undefined;
      this.#pids = new Uint32Array(MAX_BOOKED);
    }
  }
}
