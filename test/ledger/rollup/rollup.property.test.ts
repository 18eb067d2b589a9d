import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAppend } from "../../../src/ledger/append.ts";
import type {
  DeviceCoverage,
  IntervalUsage,
  LedgerBatch,
  UnobservedSpan,
} from "../../../src/ledger/contract.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { rollupMismatch } from "../../../src/ledger/rollup/check.ts";
import { coverage } from "../../../src/ledger/rollup/coverage.ts";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { AMOUNTS } from "../../../src/model/amounts.ts";
import { HOUR_MS } from "../../../src/model/hour.ts";
import { LABELS } from "../../../src/model/label.ts";
import { ownerKey, parseOwnerKey } from "../../../src/model/owner.ts";
import { segments, slices } from "../../../src/ledger/slice-queries.ts";
import { type Slice, toSegments } from "../../../src/model/slice.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { validBatches } from "../fixtures/arbitrary.ts";
import { gpu, slice as made } from "../fixtures/make.ts";

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

describe("for any corrections", () => {
  const correction = fc.record({
    gpuUuid: fc.constantFrom("GPU-a", "GPU-b"),
    part: fc.oneof(fc.constant([0, 1000]), fc.tuple(fc.nat(1000), fc.nat(1000))),
    who: fc.option(fc.nat(20), { nil: undefined }),
    label: fc.option(fc.constantFrom(...LABELS), { nil: undefined }),
    newOwnerKey: fc.constantFrom(undefined, "user:a", "user:new", "idle:user:a"),
    after: fc.constantFrom(2, 4, 100, 100, 100),
  });

  it("everything derived is what the corrected slices say, and time only changes hands", async () => {
    let held = 0;
    await fc.assert(
      fc.asyncProperty(
        anywhere,
        fc.array(correction, { minLength: 1, maxLength: 3 }),
        instants,
        async (batches, drawn, bounds) => {
          const all = slicesOf(batches);
          const corrected = [...all];
          const db = new Database(":memory:");
          migrate(db, ":memory:");
          const append = createAppend(db);
          let written = 0;
          for (const [i, batch] of batches.entries()) {
            append(batch);
            written += batch.slices?.length ?? 0;
            for (const [n, each] of drawn.entries()) {
              if (Math.min(each.after, batches.length - 1) !== i) continue;
              const act = actOf(each, `${n}`, all);
              if (tried(() => append({ acts: [act] }))) {
                held += 1;
                correctThere(corrected, all, written, act);
              }
            }
          }
          expect(rollupMismatch(db)).toBeUndefined();
          const expected = await new MemoryLedger({
            gpus: batches.flatMap((batch) => batch.gpus ?? []),
            slices: corrected,
          }).usage(bounds);
          expect(usage(db, bounds).map(({ rows }) => byText(rows))).toEqual(
            expected.map(({ rows }) => byText(rows)),
          );
          const total = (of: readonly IntervalUsage[]): number =>
            of.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.timeMs, 0);
          expect(total(expected)).toBe(total(await oracle(batches).usage(bounds)));
          const whole = slices(db, { fromMs: -1e15, toMs: 1e15 });
          expect(byText(segments(db, { fromMs: -1e15, toMs: 1e15 }))).toEqual(
            byText(toSegments(whole)),
          );
          db.close();
        },
      ),
      // A stream of choices does not shrink well; the seed tells as much.
      { endOnFailure: true },
    );
    expect(held).toBeGreaterThan(20);
  });

  type Drawn = typeof correction extends fc.Arbitrary<infer T> ? T : never;

  function actOf({ gpuUuid, part, who, label, newOwnerKey }: Drawn, id: string, all: Slice[]) {
    const own = all.filter((slice) => slice.gpuUuid === gpuUuid);
    const [from, to] = [own[0]?.fromMs ?? 0, own.at(-1)?.toMs ?? 1];
    const at = (share: number): number => from + Math.round(((to - from) * share) / 1000);
    const [low, high] = [Math.min(...part), Math.max(...part)];
    const owner = who === undefined ? undefined : own[who % Math.max(own.length, 1)]?.owner;
    return {
      kind: "correction" as const,
      id,
      atMs: 0,
      by: "test",
      reason: "because",
      gpuUuid,
      fromMs: at(low),
      toMs: at(high) + 1,
      label,
      newOwnerKey,
      ownerKey: owner && ownerKey(owner),
    };
  }

  /** The slow way: a later correction takes the place of an earlier one. */
  function correctThere(
    corrected: Slice[],
    all: readonly Slice[],
    written: number,
    act: ReturnType<typeof actOf>,
  ): void {
    for (const [i, slice] of all.entries()) {
      const inside = slice.fromMs >= act.fromMs && slice.toMs <= act.toMs && i < written;
      if (!inside || slice.gpuUuid !== act.gpuUuid || slice.owner.kind === "unobserved") continue;
      if (act.ownerKey !== undefined && ownerKey(slice.owner) !== act.ownerKey) continue;
      const owner = act.newOwnerKey === undefined ? undefined : parseOwnerKey(act.newOwnerKey);
      corrected[i] = { ...slice, label: act.label ?? slice.label, owner: owner ?? slice.owner };
    }
  }

  function tried(append: () => void): boolean {
    try {
      append();
      return true;
    } catch (error) {
      expect(String(error)).toMatch(/no slice/);
      return false;
    }
  }
});

describe("a derived row that is not what the slices say is found", () => {
  const owner = { kind: "unobserved", id: "" } as const;
  const batches = [
    { gpus: [gpu()], slices: [made(), made({ fromMs: 10_000, owner, energyMj: undefined })] },
  ];

  it("and nothing is found where nobody touched anything", () => {
    const db = stored(batches);
    expect(rollupMismatch(db)).toBeUndefined();
    db.close();
  });

  it.each([
    ["hours", "UPDATE hours SET energy_mj = energy_mj + 1"],
    ["hours", "DELETE FROM hours WHERE energy_mj = 0"],
    ["hours", "UPDATE hours SET hour = hour + 100"],
    ["segments", "UPDATE segments SET time_ms = time_ms - 1 WHERE energy_mj IS NULL"],
    ["segments", "DELETE FROM segments"],
    ["coverage", "UPDATE coverage SET to_ms = to_ms + 1"],
    ["unobserved", "UPDATE unobserved SET time_ms = time_ms - 1"],
    ["unobserved", "DELETE FROM unobserved"],
  ])("%s: %s", (table, sql) => {
    const db = stored(batches);
    db.exec(sql);
    expect(rollupMismatch(db)).toMatchObject({ table });
    db.close();
  });
});
