import type Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildReport } from "../../../src/bill/report.ts";
import type { LedgerBatch } from "../../../src/ledger/contract.ts";
import * as records from "../../../src/ledger/record-queries.ts";
import { coverage } from "../../../src/ledger/rollup/coverage.ts";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { AMOUNTS, noAmounts } from "../../../src/model/amounts.ts";
import { HOUR_MS, hourAt, hourWindow } from "../../../src/model/hour.ts";
import { UNOBSERVED } from "../../../src/model/owner.ts";
import { splitInteger } from "../../../src/model/split.ts";
import { type Window, intersect } from "../../../src/model/window.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { gpu, slice } from "../fixtures/make.ts";
import { pruned, rawLedger, verified } from "./support.ts";

const MINUTE_MS = 60_000;
const END_MS = 12 * HOUR_MS;
const GPUS = ["GPU-a", "GPU-b"];

/** Reports read the database itself. */
class RawLedger extends MemoryLedger {
  private readonly db: Database.Database;

  constructor(db: Database.Database) {
    super({});
    this.db = db;
  }

  override usage = async (bounds: readonly number[]) => usage(this.db, bounds);
  override coverage = async (window: Window) => coverage(this.db, window);
  override gpus = async () => records.gpus(this.db);
  override gaps = async (window: Window) => records.gaps(this.db, window);
}

const reportOf = (db: Database.Database, window: Window) =>
  buildReport({
    ledger: new RawLedger(db),
    prices: undefined,
    window,
    groupBy: ["owner", "label"],
    nowMs: END_MS,
  });

/** Minutes of a ledger's first day. */
const at = (hour: number, minute: number): number => hour * HOUR_MS + minute * MINUTE_MS;

describe("an hour whose slices are gone", () => {
  /** Of hour 9 the first twenty minutes alone, a quarter of them unobserved; an hour without any; hour 11. */
  function twentyMinutes(): Database.Database {
    const { db, append } = rawLedger(() => END_MS);
    append({ gpus: [gpu("GPU-a", { firstSeenMs: at(9, 0) })] });
    for (const each of [
      slice({ fromMs: at(9, 0), toMs: at(9, 15) }),
      slice({ fromMs: at(9, 15), toMs: at(9, 20), owner: UNOBSERVED, label: "unknown" }),
      slice({ fromMs: at(11, 0), toMs: at(11, 5) }),
    ])
      append({ slices: [each] });
    return db;
  }

  it("gives all of it to a window that ends where it was recorded, and none of it to the next", async () => {
    const db = twentyMinutes();
    const windows = [
      { fromMs: at(9, 0), toMs: at(9, 20) },
      { fromMs: at(9, 0), toMs: at(9, 40) },
      { fromMs: at(9, 20), toMs: at(11, 0) },
      { fromMs: at(8, 30), toMs: at(11, 5) },
    ];
    const before = await Promise.all(windows.map((window) => reportOf(db, window)));
    expect(before[0]?.totals.gpuMs).toBe(20 * MINUTE_MS);
    expect(pruned(db, at(10, 0))).toMatchObject({ slices: 2 });
    expect(await Promise.all(windows.map((window) => reportOf(db, window)))).toEqual(before);
    expect(verified(db)).toBeUndefined();
  });

  it("is cut evenly over what was recorded of it", async () => {
    const db = twentyMinutes();
    expect(pruned(db, at(10, 0))).toMatchObject({ slices: 2 });
    const { reconciliation, unobserved } = await reportOf(db, {
      fromMs: at(9, 8),
      toMs: at(9, 30),
    });
    expect(reconciliation).toMatchObject({
      observedMs: 9 * MINUTE_MS,
      recordedUnobservedMs: 3 * MINUTE_MS,
      unrecordedMs: 10 * MINUTE_MS,
    });
    expect(unobserved).toMatchObject([
      { fromMs: at(9, 8), toMs: at(9, 20), unobservedMs: 3 * MINUTE_MS, hole: false },
      { fromMs: at(9, 20), toMs: at(9, 30), unobservedMs: 10 * MINUTE_MS, hole: true },
    ]);
  });

  it("is cut over the whole hour where stretches and sums disagree, and stays exact", async () => {
    const db = twentyMinutes();
    expect(pruned(db, at(10, 0))).toMatchObject({ slices: 2 });
    db.exec(`UPDATE coverage SET to_ms = to_ms - 1 WHERE to_ms = ${at(9, 20)}`);
    const { reconciliation } = await reportOf(db, { fromMs: at(9, 0), toMs: at(9, 20) });
    expect(reconciliation).toMatchObject({ observedMs: 5 * MINUTE_MS, ok: true });
    const intervals = usage(db, [at(9, 0), at(9, 7), at(9, 20), at(10, 0)]);
    expect(summed(intervals)).toEqual(summed(usage(db, [at(9, 0), at(10, 0)])));
  });
});

const drawn = fc.record({
  gpu: fc.constantFrom(...GPUS, "GPU-a"),
  gapMs: fc.constantFrom(0, 0, 7 * MINUTE_MS, 20 * MINUTE_MS, 90 * MINUTE_MS + 1),
  lengthMs: fc.constantFrom(1, 10_000, 7 * MINUTE_MS, 20 * MINUTE_MS + 3, 95 * MINUTE_MS),
  weights: fc.array(fc.constantFrom(0, 1, 3), { minLength: 1, maxLength: 3 }),
  /** Which of its slices are nobody's. */
  unobserved: fc.subarray([0, 1, 2]),
  energyMj: fc.option(fc.integer({ min: 0, max: 1e9 }), { nil: undefined }),
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

const starts = fc.record({
  firstMs: fc.integer({ min: 0, max: 2 * HOUR_MS }),
  /** When the device was seen, from its first slice's start on: before it, or within its window. */
  seenMs: fc.constantFrom(0, -30 * MINUTE_MS, 1),
});

function batchesOf(
  all: readonly Drawn[],
  { firstMs, seenMs }: { firstMs: number; seenMs: number },
) {
  const ends = new Map<string, number>();
  const batches: LedgerBatch[] = [];
  const seen = new Map<string, number>();
  for (const { gpu: gpuUuid, gapMs, lengthMs, weights, unobserved, energyMj } of all) {
    const last = ends.get(gpuUuid);
    const fromMs = last === undefined ? firstMs : last + gapMs;
    const toMs = fromMs + lengthMs;
    if (last === undefined) seen.set(gpuUuid, fromMs + Math.min(seenMs, lengthMs - 1));
    ends.set(gpuUuid, toMs);
    const claims = weights.map((weight, i) => ({
      key: `${i}`,
      weight: weight + (i === 0 ? 1 : 0),
    }));
    const times = splitInteger(lengthMs, claims);
    const slices = times.map((timeMs, i) => {
      const isNobodys = unobserved.includes(i);
      const owner = isNobodys ? UNOBSERVED : ({ kind: "user", id: `user-${i}` } as const);
      const label = isNobodys ? "unknown" : "training-like";
      return slice({ gpuUuid, fromMs, toMs, owner, label, timeMs, energyMj });
    });
    batches.push({ slices });
  }
  const gpus = [...seen].map(([uuid, firstSeenMs], index) => gpu(uuid, { index, firstSeenMs }));
  return [{ gpus }, ...batches];
}

const instant = fc.oneof(
  fc.integer({ min: 0, max: END_MS }),
  fc.integer({ min: 0, max: 12 }).map((hour) => hour * HOUR_MS),
);

/** A bound that cuts nothing of what a device has of that hour. */
function cutsNothing(db: Database.Database, atMs: number): boolean {
  const hour = hourWindow(hourAt(atMs));
  return coverage(db, hour).every(({ covered }) => {
    const within = covered.flatMap((each) => intersect(each, hour) ?? []);
    return within.every(({ toMs }) => toMs <= atMs) || within.every(({ fromMs }) => fromMs >= atMs);
  });
}

describe("for any slices, removal and windows", () => {
  it("reports reconcile and add up, and say the same where no bound cuts what was recorded", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(drawn, { minLength: 1, maxLength: 12 }),
        starts,
        fc.integer({ min: 1, max: 13 }),
        fc.array(instant, { minLength: 3, maxLength: 5 }),
        async (all, start, hour, instants) => {
          const { db, append } = rawLedger();
          for (const batch of batchesOf(all, start)) append(batch);
          const ends = coverage(db, { fromMs: 0, toMs: END_MS }).flatMap(({ covered }) =>
            covered.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
          );
          const bounds = ascending([...instants, ...ends.slice(0, 6)]);
          const windows = windowsOf(bounds);
          const safe = windowsOf(bounds.filter((atMs) => cutsNothing(db, atMs)));
          const before = await Promise.all(safe.map((window) => reportOf(db, window)));
          const whole = summed(usage(db, [0, 20 * END_MS]));
          pruned(db, hour * HOUR_MS);
          expect(await Promise.all(safe.map((window) => reportOf(db, window)))).toEqual(before);
          for (const window of windows) await reportOf(db, window);
          expect(summed(usage(db, [...bounds]))).toEqual(
            summed(usage(db, [bounds[0] ?? 0, bounds.at(-1) ?? 0])),
          );
          expect(summed(usage(db, ascending([0, ...bounds, 20 * END_MS])))).toEqual(whole);
          expect(stretched(db, bounds)).toBe(stretched(db, [bounds[0] ?? 0, bounds.at(-1) ?? 0]));
          db.close();
        },
      ),
      { numRuns: 25 },
    );
  });
});

const ascending = (of: readonly number[]): number[] => [...new Set(of)].sort((a, b) => a - b);

/** Neighbouring windows, and the one of all. */
function windowsOf(bounds: readonly number[]): Window[] {
  const next = bounds.slice(1).map((toMs, i) => ({ fromMs: bounds[i] ?? toMs, toMs }));
  const [first, last] = [bounds[0], bounds.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  return [...next, { fromMs: first, toMs: last }];
}

/** All amounts of all intervals together, owner by owner; nothing is no row. */
function summed(intervals: ReturnType<typeof usage>): unknown {
  const sums = new Map<string, ReturnType<typeof noAmounts>>();
  for (const { rows } of intervals)
    for (const row of rows) {
      const key = `${row.gpuUuid} ${row.ownerKey} ${row.label}`;
      const sum = sums.get(key) ?? noAmounts();
      for (const amount of AMOUNTS) sum[amount] += row[amount];
      sums.set(key, sum);
    }
  return [...sums].filter(([, sum]) => AMOUNTS.some((amount) => sum[amount] !== 0)).sort();
}

/** Unobserved time where slices say so, of all windows between bounds. */
function stretched(db: Database.Database, bounds: readonly number[]): number {
  const windows = bounds.slice(1).map((toMs, i) => ({ fromMs: bounds[i] ?? toMs, toMs }));
  return windows
    .flatMap((window) => coverage(db, window))
    .flatMap(({ unobserved }) => unobserved)
    .reduce((sum, { timeMs }) => sum + timeMs, 0);
}
