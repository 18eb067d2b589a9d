import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ACCOUNTING_STATS,
  AccountingBook,
  decodeAccountingStats,
  MAX_BOOKED,
  type AccountingStats,
} from "../../../src/collect/nvml/accounting-book.ts";
import { view } from "../../../src/collect/nvml/layouts.ts";

/** The stretch of the list that is being read. */
const stretch = { fromMs: 10_000, toMs: 11_000 };
const nobody: ReadonlySet<number> = new Set();

const life = (startTimeMs: number, endMs: number, gpuUtil: number | undefined = 1) =>
  ({ gpuUtil, startTimeMs, timeMs: endMs - startTimeMs, isRunning: false }) as const;
const running: AccountingStats = { gpuUtil: 1, startTimeMs: 1, timeMs: 0, isRunning: true };

describe("what the driver booked of a process", () => {
  const booked = (percent: number, timeMs: bigint, startUs: bigint, isRunning: number) => {
    const bytes = new Uint8Array(ACCOUNTING_STATS);
    view(bytes).setUint32(0, percent, true);
    view(bytes).setUint32(4, 99, true);
    view(bytes).setBigUint64(8, 77n, true);
    view(bytes).setBigUint64(16, timeMs, true);
    view(bytes).setBigUint64(24, startUs, true);
    view(bytes).setUint32(32, isRunning, true);
    return decodeAccountingStats(bytes);
  };

  it("is its use, its start and its length", () => {
    expect(booked(40, 250n, 1_800_000_000_123_400n, 0)).toEqual({
      gpuUtil: 0.4,
      startTimeMs: 1_800_000_000_123,
      timeMs: 250,
      isRunning: false,
    });
    expect(booked(40, 0n, 5000n, 1)?.isRunning).toBe(true);
  });

  it.each([
    [100, 1],
    [101, undefined],
    [0xffff_ffff, undefined],
  ])("has a use of %s %% read as %s", (percent, gpuUtil) => {
    expect(booked(percent, 1n, 5000n, 0)?.gpuUtil).toBe(gpuUtil);
  });

  it.each([
    [0xffff_ffff_ffff_ffffn, 5000n],
    [1n, 0xffff_ffff_ffff_ffffn],
    [1n, 0n],
  ])("is nothing where length %s or start %s is not told", (timeMs, startUs) => {
    expect(booked(1, timeMs, startUs, 0)).toBeUndefined();
  });
});

describe("whom the book asks the driver about", () => {
  const asked = (...lists: number[][]) => {
    const book = new AccountingBook();
    for (const list of lists) book.take(Uint32Array.from(list));
    return book.toAsk(nobody, 99);
  };

  it("is nobody of the first list, however long", () => {
    expect(asked([1, 2, 3])).toEqual([]);
  });

  it.each([
    ["added at the end", [1, 2, 3], [1, 2, 3, 9], [9]],
    ["added to an empty list", [], [9], [9]],
    ["added at the end while old ones go", [1, 2, 3], [3, 9], [3, 9]],
    ["used again, behind its old entry", [7, 8], [7, 8, 7], [7]],
    ["used again, in place of its old entry", [7, 8, 9], [8, 9, 7], [8, 7]],
    ["gone", [1, 2, 3], [1, 2], []],
  ])("is one that was %s", (_name, first, second, expected) => {
    expect(asked(first, second)).toEqual(expected);
  });

  it("is one in the middle, and its neighbour, which may be another", () => {
    expect(asked([1, 2], [1, 9, 2])).toEqual([9, 2]);
  });

  it("is not one that runs, but is once it does no longer", () => {
    const book = new AccountingBook();
    book.take(Uint32Array.from([]));
    book.take(Uint32Array.from([7, 8]));
    expect(book.toAsk(new Set([7]), 99)).toEqual([8]);
    book.note(8, running, stretch, false);
    expect(book.toAsk(nobody, 99)).toEqual([7, 8]);
  });

  it("is no more than the limit at once, and all in turn", () => {
    const book = new AccountingBook();
    book.take(Uint32Array.from([]));
    book.take(Uint32Array.from([1, 2, 3, 4, 5]));
    const turns = [0, 1, 2].map(() => {
      const pids = book.toAsk(nobody, 2);
      for (const pid of pids) book.note(pid, running, stretch, false);
      return pids;
    });
    expect(turns).toEqual([
      [1, 2],
      [3, 4],
      [5, 1],
    ]);
  });

  it("is nobody that the driver has dropped, and no pid that cannot be", () => {
    expect(asked([], [1, 2], [2])).toEqual([2]);
    expect(asked([], [0, 4_194_305, 0xffff_ffff, 5])).toEqual([5]);
  });

  it("finds every pid that was not there before, and at most one more for each change", () => {
    const pids = fc.uniqueArray(fc.integer({ min: 1, max: 4_194_304 }), { maxLength: 60 });
    fc.assert(
      fc.property(pids, pids, fc.nat(60), (old, added, dropped) => {
        const fresh = added.filter((pid) => !old.includes(pid));
        const found = asked(old, [...old.slice(dropped), ...fresh]);
        expect(found).toEqual(expect.arrayContaining(fresh));
        expect(found.length).toBeLessThanOrEqual(fresh.length + 1);
      }),
    );
  });
});

describe("who is told", () => {
  const told = (stats: AccountingStats | undefined, seen = false) =>
    new AccountingBook().note(7, stats, stretch, seen);

  it("is one that lived within the stretch, with its share of it", () => {
    expect(told(life(10_200, 10_700, 0.8))).toEqual({
      pid: 7,
      startTimeMs: 10_200,
      smUtil: 0.4,
      exited: true,
    });
  });

  it.each([
    ["began before the stretch", life(5000, 10_250), 0.25],
    ["lasted no millisecond", life(10_500, 10_500), 0],
    ["ended just after the list was read", life(10_900, 11_050), 0.15],
    ["covers more than the stretch", life(9000, 11_900, 0.5), 0.5],
  ])("has the share of the stretch in which it lived: one that %s", (_name, stats, share) => {
    expect(told(stats)?.smUtil).toBeCloseTo(share, 9);
  });

  it("has no share where the driver booked no use", () => {
    const one = told({ ...life(10_200, 10_700), gpuUtil: undefined });
    expect(one).toEqual({ pid: 7, startTimeMs: 10_200, exited: true });
  });

  it.each([
    ["ended with the stretch before", life(9000, 10_000), false],
    ["ended at once after that", life(9000, 10_001), true],
    ["ends further ahead than the stretch is long", life(10_900, 12_001), false],
    ["ends less far ahead", life(10_900, 12_000), true],
    ["still runs", running, false],
    ["is not in the books", undefined, false],
  ])("%s: %#", (_name, stats, isTold) => {
    expect(told(stats) !== undefined).toBe(isTold);
  });

  it("is nobody whom the list before has named", () => {
    expect(told(life(10_200, 10_700), true)).toBeUndefined();
  });

  it("is nobody where the stretch has no length", () => {
    const book = new AccountingBook();
    const empty = { fromMs: 11_000, toMs: 11_000 };
    expect(book.note(7, life(10_900, 11_000), empty, false)).toBeUndefined();
  });

  it("is told once, and another process of its pid is told too", () => {
    const book = new AccountingBook();
    const starts = [10_200, 10_200, 10_400, 10_400].map(
      (start) => book.note(7, life(start, 10_500), stretch, false)?.startTimeMs,
    );
    expect(starts).toEqual([10_200, undefined, 10_400, undefined]);
  });

  it("is remembered for as many as the driver's books can hold", () => {
    const book = new AccountingBook();
    const tell = (pid: number) => book.note(pid, life(10_200, 10_700), stretch, false);
    for (let pid = 1; pid <= MAX_BOOKED + 1; pid++) tell(pid);
    expect([tell(2), tell(MAX_BOOKED + 1)]).toEqual([undefined, undefined]);
    expect(tell(1)).toBeDefined();
  });

  it("has a share from 0 to 1, whatever was booked", () => {
    const times = fc.nat(1_000_000);
    fc.assert(
      fc.property(
        times,
        times,
        times,
        times,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (...n) => {
          const [startTimeMs, timeMs, fromMs, lengthMs, gpuUtil] = n;
          const stats = { gpuUtil, startTimeMs, timeMs, isRunning: false };
          const one = new AccountingBook().note(
            7,
            stats,
            { fromMs, toMs: fromMs + lengthMs },
            false,
          );
          const share = one?.smUtil ?? 0;
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(gpuUtil);
        },
      ),
    );
  });
});
