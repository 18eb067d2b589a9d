import type Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { LedgerBatch } from "../../../src/ledger/contract.ts";
import { keptSums, newestCheckpoint } from "../../../src/ledger/keep/checkpoint.ts";
import { prunePlan } from "../../../src/ledger/keep/prune.ts";
import { PRUNED } from "../../../src/ledger/migrations/008-keep.ts";
import { BatchRejected } from "../../../src/ledger/rejected.ts";
import { usage } from "../../../src/ledger/rollup/usage.ts";
import { gpu, incident, slice } from "../fixtures/make.ts";
import { richBatch, unguarded } from "../chain/support.ts";
import { KEEP, pruned, rawLedger, verified } from "./support.ts";

const HOUR_MS = 3_600_000;
const WINDOW_MS = 600_000;
const DAY_MS = 24 * HOUR_MS;

const text = (n: number, of: string) =>
  [{ family: "host", feature: "n", text: `${of} ${n}`, weights: {} }] as const;

/** Ten-minute windows, one a batch; each third rests on evidence that all of them share. */
function filled(windows: number): ReturnType<typeof rawLedger> {
  const made = rawLedger(() => 2 * windows * WINDOW_MS);
  made.append({ gpus: [gpu()] });
  for (let n = 0; n < windows; n++) {
    const evidence = n % 3 === 0 ? text(0, "shared") : text(n, "own");
    made.append({
      slices: [slice({ fromMs: n * WINDOW_MS, toMs: (n + 1) * WINDOW_MS, evidence })],
    });
  }
  return made;
}

const count = (db: Database.Database, table: string): number =>
  db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? -1;

describe("a removal", () => {
  it("takes slices that end by a whole hour, the evidence of no other, and their entries", () => {
    const { db } = filled(18);
    const before = usage(db, [0, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]);
    const removed = pruned(db, 2 * HOUR_MS + 5);
    // The batch that described the device has no slice and was written later than the hour.
    expect(removed).toMatchObject({ slices: 12, evidence: 8 });
    expect(count(db, "slices")).toBe(6);
    expect(count(db, "evidence")).toBe(1 + 4);
    expect(newestCheckpoint(db)).toMatchObject({ beforeMs: 2 * HOUR_MS });
    expect(usage(db, [0, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS])).toEqual(before);
    expect(verified(db)).toBeUndefined();
  });

  it("comes again on top of another, and appends go on between them", () => {
    const { db, append } = filled(18);
    pruned(db, HOUR_MS);
    append({ slices: [slice({ fromMs: 3 * HOUR_MS, toMs: 3 * HOUR_MS + WINDOW_MS })] });
    pruned(db, 3 * HOUR_MS);
    expect(newestCheckpoint(db)).toMatchObject({ beforeMs: 3 * HOUR_MS });
    expect(count(db, "slices")).toBe(1);
    expect(verified(db)).toBeUndefined();
    expect(pruned(db, 3 * HOUR_MS)).toEqual({});
  });

  it("leaves the newest window, whatever its age", () => {
    const { db, append } = filled(6);
    pruned(db, 10 * DAY_MS);
    expect(count(db, "slices")).toBe(1);
    append({ slices: [slice({ fromMs: 11 * DAY_MS })] });
    expect(verified(db)).toBeUndefined();
  });

  it("says before what would go", () => {
    const { db } = filled(18);
    const plan = prunePlan(db, { ...KEEP, nowMs: 0, detailBeforeMs: 2 * HOUR_MS });
    expect(plan).toMatchObject({ beforeMs: 2 * HOUR_MS, removed: { slices: 12, chain: 14 } });
    expect(count(db, "slices")).toBe(18);
    const nothing = prunePlan(db, { ...KEEP, nowMs: 0, detailBeforeMs: -Infinity });
    expect(nothing).toEqual({ isDone: true, removed: {} });
  });

  it("closes the time: a slice that comes for it later is refused, one after it is not", () => {
    const { db, append } = filled(12);
    pruned(db, HOUR_MS);
    append({ gpus: [gpu("GPU-late", { index: 1 })] });
    const late = (fromMs: number): LedgerBatch => ({
      slices: [slice({ gpuUuid: "GPU-late", fromMs, toMs: fromMs + WINDOW_MS })],
    });
    expect(() => append(late(HOUR_MS - 1))).toThrow(BatchRejected);
    append(late(HOUR_MS));
    expect(verified(db)).toBeUndefined();
  });

  it("keeps what is needed further of all other records, and no more", () => {
    const made = rawLedger();
    const { db, append } = made;
    for (let n = 0; n < 12; n++) append(richBatch(n));
    append({ incidents: [incident({ id: "over", state: "resolved", updatedAtMs: 6 })] });
    append({ incidents: [incident({ id: "open", updatedAtMs: 5 })] });
    append({ gpus: [gpu()], slices: [slice({ fromMs: DAY_MS })] });
    const acts = count(db, "acts");
    const gaps = count(db, "gaps");
    const keys = count(db, "owners");
    pruned(db, HOUR_MS);
    const ids = db.prepare("SELECT DISTINCT incident_id FROM incident_states").pluck().all();
    expect(ids).toContain("open");
    expect(ids).not.toContain("over");
    expect(count(db, "acts")).toBeGreaterThan(acts);
    expect([count(db, "gaps"), count(db, "owners")]).toEqual([gaps, keys]);
    expect(count(db, "calibrations")).toBe(1);
    expect(count(db, "gpu_states")).toBe(2);
    expect(count(db, "owner_states")).toBe(3);
    expect(count(db, "processes")).toBe(1);
    expect(count(db, "contexts")).toBe(1);
    expect(verified(db)).toBeUndefined();
  });
});

describe("what retention kept", () => {
  const remade = (): Database.Database => {
    const { db } = filled(18);
    pruned(db, HOUR_MS);
    pruned(db, 2 * HOUR_MS);
    unguarded(db);
    return db;
  };
  const columns = [
    "time_ms",
    "energy_mj",
    "energy_unmeasured_ms",
    "idle_energy_mj",
    "dynamic_energy_mj",
    "energy_unsplit_ms",
    "confidence_ms",
    "slice_count",
  ];

  it("is found wanting where one bit of a sum is another", () => {
    for (const column of columns)
      for (const hour of [0, 1])
        for (const bit of [0, 31]) {
          const db = remade();
          const change = `(${column} | ${2 ** bit}) - (${column} & ${2 ** bit})`;
          db.exec(`UPDATE hours SET ${column} = ${change} WHERE hour = ${hour}`);
          expect(verified(db)).toMatchObject({ table: "acts" });
          db.close();
        }
  });

  it("is found wanting where a sum or a stretch is gone, or one more is there", () => {
    for (const sql of [
      "DELETE FROM hours WHERE hour = 0",
      "UPDATE hours SET owner_id = owner_id + 1 WHERE hour = 0",
      "UPDATE coverage SET from_ms = from_ms + 1",
      "INSERT INTO unobserved VALUES (1, 0, 600000, 1)",
      "UPDATE gpu_states SET json = replace(json, 'Test', 'Best')",
      "UPDATE acts SET json = replace(json, 'retention', 'retentioN')",
      "DELETE FROM acts WHERE sequence = (SELECT max(sequence) FROM acts)",
    ]) {
      const db = remade();
      expect(verified(db)).toBeUndefined();
      db.pragma("foreign_keys = OFF");
      db.exec(sql);
      expect(verified(db)).toBeDefined();
      db.close();
    }
  });

  it("has one digest, however many removals it took", () => {
    const [one, two] = [filled(18).db, remade()];
    pruned(one, 2 * HOUR_MS);
    expect(newestCheckpoint(two)?.sumsDigest).toBe(keptSums(two)[0]);
    expect(newestCheckpoint(one)?.sumsDigest).toBe(keptSums(one)[0]);
  });
});

describe("outside of a removal", () => {
  it("the database refuses to delete, and so it does of what a removal does not reach", () => {
    const { db } = filled(18);
    pruned(db, HOUR_MS);
    db.pragma("foreign_keys = OFF");
    for (const table of Object.keys(PRUNED))
      if (count(db, table) > 0)
        expect(() => db.exec(`DELETE FROM ${table}`)).toThrow(/append-only/);
    db.exec("INSERT INTO meta (key, value) VALUES ('pruneUpTo.slices', 7)");
    expect(() => db.exec("DELETE FROM slices WHERE sequence >= 7")).toThrow(/append-only/);
    db.exec("DELETE FROM slices WHERE sequence = 7");
  });
});

describe("a ledger that is nearly full", () => {
  it("gives up its oldest days before their time, and never the newest", () => {
    const { db } = filled(6 * 24 * 5);
    const pages = Number(db.pragma("page_count", { simple: true })) * 4096;
    const nowMs = 5 * DAY_MS;
    const ask = (maxBytes: number) => pruned(db, -Infinity, { nowMs, maxBytes });
    expect(ask(2 * pages)).toEqual({});
    expect(ask(pages)["slices"]).toBeGreaterThan(0);
    expect(newestCheckpoint(db)?.beforeMs).toBeLessThan(4 * DAY_MS);
    ask(4096);
    expect(newestCheckpoint(db)?.beforeMs).toBe(4 * DAY_MS);
    expect(verified(db)).toBeUndefined();
  });
});

describe("the outbox", () => {
  it("loses what was settled before, and nothing that is due", () => {
    const { db, append } = rawLedger();
    const message = (id: string) => ({ id, endpoint: "e", type: "t", body: "b", createdAtMs: 0 });
    append({ outbox: ["due", "old", "dead", "young"].map(message) });
    const settle = db.prepare("UPDATE outbox SET state = ?, settled_at_ms = ? WHERE id = ?");
    settle.run("delivered", 999, "old");
    settle.run("dead", 999, "dead");
    settle.run("delivered", 1000, "young");
    expect(pruned(db, -Infinity, { outboxBeforeMs: 1000 })).toEqual({ outbox: 2 });
    expect(db.prepare("SELECT id FROM outbox ORDER BY id").pluck().all()).toEqual(["due", "young"]);
  });
});
