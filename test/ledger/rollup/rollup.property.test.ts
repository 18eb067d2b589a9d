import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAppend } from "../../../src/ledger/append.ts";
import type { DeviceCoverage, LedgerBatch, UnobservedSpan } from "../../../src/ledger/contract.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { rollupMismatch } from "../../../src/ledger/rollup/check.ts";
import { coverage } from "../../../src/ledger/rollup/coverage.ts";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { AMOUNTS } from "../../../src/model/amounts.ts";
import { HOUR_MS } from "../../../src/model/hour.ts";
import type { Slice } from "../../../src/model/slice.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { validBatches } from "../fixtures/arbitrary.ts";
import { gpu } from "../fixtures/make.ts";

/** Batches of short windows, or of windows up to hours long, anywhere around an hour's turn. */
const anywhere = fc
  .record({
    batches: validBatches,
    stretch: fc.constantFrom(1, 1, 97, 1000),
    startMs: fc.integer({ min: -2 * HOUR_MS, max: 2 * HOUR_MS }),
  })
  .map(({ batches, stretch, startMs }) => batches.map((batch) => moved(batch, stretch, startMs)));

function moved(batch: LedgerBatch, stretch: number, startMs: number): LedgerBatch {
  return {
    gpus: batch.gpus?.map((each) => ({ ...each, firstSeenMs: startMs })),
    slices: batch.slices?.map((slice) => ({
      ...slice,
      fromMs: startMs + slice.fromMs * stretch,
      toMs: startMs + slice.toMs * stretch,
      timeMs: slice.timeMs * stretch,
    })),
  };
}

const instants = fc
  .uniqueArray(
    fc.oneof(
      fc.integer({ min: -3 * HOUR_MS, max: 20 * HOUR_MS }),
      fc.integer({ min: -HOUR_MS / 100, max: HOUR_MS / 10 }),
      fc.integer({ min: -3, max: 20 }).map((hour) => hour * HOUR_MS),
    ),
    { minLength: 2, maxLength: 7 },
  )
  .map((list) => [...list].sort((a, b) => a - b));

const slicesOf = (batches: readonly LedgerBatch[]): Slice[] =>
  batches.flatMap((batch) => batch.slices ?? []);

function stored(batches: readonly LedgerBatch[]): Database.Database {
  const db = new Database(":memory:");
  migrate(db, ":memory:");
  const append = createAppend(db);
  for (const batch of batches) append(batch);
  return db;
}

const oracle = (batches: readonly LedgerBatch[]): MemoryLedger =>
  new MemoryLedger({
    gpus: batches.flatMap((batch) => batch.gpus ?? []),
    slices: slicesOf(batches),
  });

const byText = (list: readonly object[]): string[] =>
  list.map((each) => JSON.stringify(Object.entries(each).sort())).sort();

/** Neighbouring spans made one: how many rows a stretch has is no part of what it says. */
function joined(of: readonly DeviceCoverage[]): object[] {
  return of.map((each) => {
    const unobserved: UnobservedSpan[] = [];
    for (const span of each.unobserved) {
      const last = unobserved.at(-1);
      if (last?.toMs === span.fromMs) {
        last.toMs = span.toMs;
        last.timeMs += span.timeMs;
      } else unobserved.push({ ...span });
    }
    return { ...each, unobserved };
  });
}

describe("for any valid batches and bounds", () => {
  it("usage is what the slices say, cut to the unit, and intervals sum to the whole", async () => {
    await fc.assert(
      fc.asyncProperty(anywhere, instants, async (batches, bounds) => {
        const db = stored(batches);
        const found = usage(db, bounds);
        const expected = await oracle(batches).usage(bounds);
        expect(found.map(({ rows }) => byText(rows))).toEqual(
          expected.map(({ rows }) => byText(rows)),
        );
        const [fromMs = 0, toMs = 1] = [bounds[0], bounds.at(-1)];
        const [whole] = usage(db, [fromMs, toMs]);
        for (const amount of AMOUNTS) {
          const sum = (of: typeof found): number =>
            of.flatMap(({ rows }) => rows).reduce((acc, row) => acc + row[amount], 0);
          expect(sum(found)).toBe(whole ? sum([whole]) : 0);
        }
        db.close();
      }),
    );
  });

  it("coverage is where the slices lie", async () => {
    await fc.assert(
      fc.asyncProperty(anywhere, instants, async (batches, bounds) => {
        const window = { fromMs: bounds[0] ?? 0, toMs: bounds.at(-1) ?? 1 };
        const db = stored(batches);
        const expected = await oracle(batches).coverage(window);
        expect(joined(coverage(db, window))).toEqual(joined(expected));
        db.close();
      }),
    );
  });

  it("all that is derived can be made again of the slices, however they were batched", () => {
    fc.assert(
      fc.property(anywhere, (batches) => {
        const tables = ["hours", "segments", "coverage", "unobserved"];
        const content = (db: Database.Database): unknown[] =>
          tables.map((name) => derived(db, name));
        const db = stored(batches);
        expect(rollupMismatch(db)).toBeUndefined();
        const other = stored(regrouped(batches));
        expect(rollupMismatch(other)).toBeUndefined();
        expect(content(other)).toEqual(content(db));
        db.close();
        other.close();
      }),
    );
  });
});

/** A table's rows by name: numbers depend on the order in which names came. */
function derived(db: Database.Database, table: string): string[] {
  const columns = db
    .prepare<[string], string>("SELECT name FROM pragma_table_info(?)")
    .pluck()
    .all(table);
  const named: Record<string, string> = {
    gpu_id: "(SELECT uuid FROM gpus WHERE id = gpu_id)",
    owner_id: "(SELECT key FROM owners WHERE id = owner_id)",
    label_id: "(SELECT text FROM texts WHERE id = label_id)",
    first_sequence: "1",
  };
  const list = columns.map((column) => named[column] ?? column).join(", ");
  const rows = db.prepare(`SELECT ${list} FROM ${table}`).raw().all();
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** The same slices: one batch a device, the devices the other way round. */
function regrouped(batches: readonly LedgerBatch[]): LedgerBatch[] {
  const mine = (uuid: string): Slice[] => slicesOf(batches).filter((each) => each.gpuUuid === uuid);
  return [...batches.slice(0, 1), { slices: mine("GPU-b") }, { slices: mine("GPU-a") }];
}

describe("a derived row that is not what the slices say", () => {
  const slices: Slice[] = slicesOf(fc.sample(validBatches, { numRuns: 40, seed: 7 }).flat()).slice(
    0,
    0,
  );
  it("the control: nothing is wrong with an empty ledger", () => {
    const db = stored([{ gpus: [gpu()], slices }]);
    expect(rollupMismatch(db)).toBeUndefined();
    db.close();
  });
});
