import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAppend } from "../../src/ledger/append.ts";
import type { LedgerBatch, SliceQuery, UsageRow } from "../../src/ledger/contract.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import { extent, lastSliceEnds } from "../../src/ledger/record-queries.ts";
import { usage } from "../../src/ledger/rollup/usage.ts";
import { segments, slices } from "../../src/ledger/slice-queries.ts";
import { LABELS } from "../../src/model/label.ts";
import { ownerKey } from "../../src/model/owner.ts";
import { type Slice, toSegments } from "../../src/model/slice.ts";
import { type Window, intersect } from "../../src/model/window.ts";
import { validBatches } from "./fixtures/arbitrary.ts";
import { gpu, slice } from "./fixtures/make.ts";

const all = { fromMs: -1e15, toMs: 1e15 };

/** The queries on a database in memory, without the threads. */
function withBatches<T>(batches: readonly LedgerBatch[], look: (db: Database.Database) => T): T {
  const db = new Database(":memory:");
  try {
    migrate(db, ":memory:");
    const append = createAppend(db);
    for (const batch of batches) append(batch);
    return look(db);
  } finally {
    db.close();
  }
}

const slicesOf = (batches: readonly LedgerBatch[]): Slice[] =>
  batches.flatMap((batch) => batch.slices ?? []);

const window: fc.Arbitrary<Window> = fc
  .tuple(fc.integer({ min: -5, max: 70_000 }), fc.integer({ min: 0, max: 40_000 }))
  .map(([fromMs, lengthMs]) => ({ fromMs, toMs: fromMs + lengthMs }));

const usageOf = (db: Database.Database): UsageRow[] =>
  usage(db, [all.fromMs, all.toMs]).flatMap((interval) => interval.rows);

const byText = <T>(list: readonly T[]): string[] =>
  list.map((each) => JSON.stringify(Object.entries(each as object).sort())).sort();

describe("for any valid batches", () => {
  it("slices come back without loss", () => {
    fc.assert(
      fc.property(validBatches, (batches) => {
        const stored = withBatches(batches, (db) => slices(db, all));
        expect(stored.map(({ sequence }) => sequence)).toEqual(stored.map((_, i) => i + 1));
        const byWindow = (a: Slice, b: Slice): number => a.fromMs - b.fromMs;
        for (const uuid of ["GPU-a", "GPU-b"]) {
          const mine = <T extends Slice>(list: readonly T[]): T[] =>
            list.filter((each) => each.gpuUuid === uuid).sort(byWindow);
          const numbers = mine(stored).map(({ sequence }) => ({ sequence }));
          const expected = mine(slicesOf(batches)).map((each, i) => ({ ...each, ...numbers[i] }));
          expect(mine(stored)).toEqual(expected);
        }
      }),
    );
  });

  it("segments are those the model makes of all slices, and sum to them", () => {
    fc.assert(
      fc.property(validBatches, window, (batches, part) => {
        withBatches(batches, (db) => {
          const stored = slices(db, all);
          const made = segments(db, all);
          expect(byText(made)).toEqual(byText(toSegments(stored)));
          expect(byText(segments(db, part))).toEqual(
            byText(made.filter((each) => intersect(each, part))),
          );
          const total = (list: readonly { timeMs: number }[]): number =>
            list.reduce((sum, each) => sum + each.timeMs, 0);
          expect(total(made)).toBe(total(stored));
          const unmeasured = stored.filter((each) => each.energyMj === undefined);
          expect(total(made.filter((each) => each.energyMj === undefined))).toBe(total(unmeasured));
        });
      }),
    );
  });

  it("slices of a window are those that touch it, filtered, and pages join to the whole", () => {
    const filter = fc.record(
      {
        gpuUuid: fc.constantFrom("GPU-a", "GPU-b", "GPU-x"),
        ownerKey: fc.constantFrom("user", "user:a", "idle", "container:b", "nobody"),
        label: fc.constantFrom(...LABELS),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(validBatches, window, filter, (batches, part, by) => {
        withBatches(batches, (db) => {
          const expected = slices(db, all).filter(
            (each) =>
              each.fromMs < part.toMs &&
              each.toMs > part.fromMs &&
              (by.gpuUuid === undefined || each.gpuUuid === by.gpuUuid) &&
              (by.ownerKey === undefined || ownerKey(each.owner) === by.ownerKey) &&
              (by.label === undefined || each.label === by.label),
          );
          const query: SliceQuery = { ...part, ...by };
          expect(slices(db, query)).toEqual(expected);
          const pages = [];
          for (let page = slices(db, { ...query, limit: 2 }); page.length > 0;) {
            pages.push(...page);
            page = slices(db, { ...query, limit: 2, afterSequence: page.at(-1)?.sequence });
          }
          expect(pages).toEqual(expected);
        });
      }),
    );
  });

  it("the extent and the last ends are found", () => {
    fc.assert(
      fc.property(validBatches, (batches) => {
        withBatches(batches, (db) => {
          const stored = slices(db, all);
          const bounds = { fromMs: Infinity, toMs: -Infinity };
          const ends = new Map<string, number>();
          for (const { gpuUuid, fromMs, toMs } of stored) {
            bounds.fromMs = Math.min(bounds.fromMs, fromMs);
            bounds.toMs = Math.max(bounds.toMs, toMs);
            ends.set(gpuUuid, Math.max(ends.get(gpuUuid) ?? 0, toMs));
          }
          expect(extent(db)).toEqual(stored.length > 0 ? bounds : undefined);
          expect(lastSliceEnds(db)).toEqual(ends);
        });
      }),
    );
  });
});

describe("energy that was not measured", () => {
  const owner = { kind: "user", id: "a" } as const;
  const measured = slice({ owner, energyMj: 0 });
  const unmeasured = slice({ owner, energyMj: undefined, fromMs: 10_000 });
  const batches = [{ gpus: [gpu()], slices: [measured, unmeasured] }];

  it("stays undefined in slices and segments, where a measured 0 stays 0", () => {
    withBatches(batches, (db) => {
      expect(slices(db, all).map((each) => each.energyMj)).toEqual([0, undefined]);
      expect(segments(db, all).map((each) => each.energyMj)).toEqual([0, undefined]);
    });
  });

  it("is told in usage by the time it is missing for", () => {
    withBatches(batches, (db) => {
      expect(usageOf(db)).toMatchObject([
        { timeMs: 20_000, energyMj: 0, energyUnmeasuredMs: 10_000 },
      ]);
    });
  });

  it("sums beyond what a number holds exactly are refused, not rounded", () => {
    const most = Number.MAX_SAFE_INTEGER;
    const huge = [slice({ energyMj: most }), slice({ energyMj: 1, fromMs: 10_000 })];
    withBatches([{ gpus: [gpu()], slices: huge.slice(0, 1) }], (db) => {
      expect(usageOf(db)[0]?.energyMj).toBe(most);
    });
    withBatches([{ gpus: [gpu()], slices: huge }], (db) => {
      expect(() => usageOf(db)).toThrow(/energyMj/);
    });
  });
});
