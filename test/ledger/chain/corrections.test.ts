import type { Database } from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { Act, ActOf } from "../../../src/ledger/acts.ts";
import type { Append } from "../../../src/ledger/append.ts";
import { gpu, slice } from "../fixtures/make.ts";
import { pruned, rawLedger, verified } from "../keep/support.ts";
import { unguarded } from "./support.ts";

const HOUR_MS = 3_600_000;
const WINDOW_MS = HOUR_MS / 2;

interface Held {
  db: Database;
  append: Append;
}

/** Half-hour windows of alice and bob each, one a batch. */
function filled(windows: number): Held {
  const made = rawLedger(() => 2 * windows * WINDOW_MS);
  made.append({ gpus: [gpu(), gpu("GPU-b", { index: 1 })] });
  for (let n = 0; n < windows; n++) made.append(windowOf(n));
  return made;
}

function windowOf(n: number) {
  const at = { fromMs: n * WINDOW_MS, toMs: (n + 1) * WINDOW_MS, timeMs: WINDOW_MS / 2 };
  const of = (id: string) => slice({ ...at, owner: { kind: "user", id } });
  return { slices: [of("alice"), of("bob")] };
}

type Correction = ActOf<"correction">;

function correction(id: string, more: Partial<Correction> = {}): Correction {
  const head = { kind: "correction" as const, id, atMs: 0, by: "root", reason: "it was wrong" };
  const window = { gpuUuid: "GPU-a", fromMs: 0, toMs: 2 * WINDOW_MS };
  return { ...head, ...window, ownerKey: "user:alice", newOwnerKey: "user:bob", ...more };
}

const report: Act = {
  kind: "report",
  id: "r-1",
  atMs: 0,
  by: "root",
  reason: "month",
  fromMs: 0,
  toMs: 1,
  document: "{}",
  documentDigest: "0".repeat(64),
  request: {},
  chainSequence: 0,
};

/** What an erasure of somebody who is in it leaves; `beforeMs` for one of older records alone. */
function erased(append: Append, ownerKey: string, id: string, beforeMs?: number): void {
  const select = { of: "owner" as const, ownerKey, beforeMs };
  append({
    acts: [{ kind: "erasure", id, atMs: 9, by: "root", reason: "asked", select, erased: [] }],
  });
}

const DERIVED = ["hours", "segments", "corrections", "corrected_slices"] as const;

/** The ledger with what is derived in another one: its money, and not its acts. */
function withDerivedOf(base: Held, donor: Held, sql = ""): Database {
  const { db } = base;
  unguarded(db);
  for (const table of DERIVED) {
    db.exec(`DELETE FROM ${table}`);
    for (const row of donor.db.prepare<[], unknown[]>(`SELECT * FROM ${table}`).raw().all())
      db.prepare(`INSERT INTO ${table} VALUES (${row.map(() => "?").join(", ")})`).run(row);
  }
  db.exec(sql);
  return db;
}

/** Two ledgers with another act each. */
function forged(act: Act | undefined, other: Correction, sql?: string): Database {
  const [base, donor] = [filled(4), filled(4)];
  // All names are in both, whoever is corrected.
  for (const each of [base, donor]) {
    const [owner, at] = [{ kind: "user", id: "carol" } as const, { gpuUuid: "GPU-b" }];
    each.append({ slices: [slice({ ...at, owner, label: "other" })] });
    each.append({ slices: [slice({ ...at, owner, label: "training-like", fromMs: 10_000 })] });
  }
  if (act) base.append({ acts: [act] });
  donor.append({ acts: [other] });
  const db = withDerivedOf(base, donor, sql);
  return db;
}

describe("a correction that was not made so", () => {
  it.each<[string, Act | undefined, Correction, string?]>([
    ["without an act", undefined, correction("c")],
    ["on the act of a report", report, correction("c")],
    ["to another owner", correction("c"), correction("c", { newOwnerKey: "user:carol" })],
    [
      "to nobody else",
      correction("c"),
      correction("c", { newOwnerKey: undefined, label: "other" }),
    ],
    ["of everybody's time", correction("c"), correction("c", { ownerKey: undefined })],
    ["of somebody else's time", correction("c"), correction("c", { ownerKey: "user:bob" })],
    ["with a label", correction("c"), correction("c", { label: "other" })],
    ["of a longer window", correction("c"), correction("c", { toMs: 3 * WINDOW_MS })],
    ["from later on", correction("c"), correction("c", { fromMs: WINDOW_MS })],
  ])("%s, with sums that fit, is found", (_, act, other) => {
    expect(verified(forged(act, other))).toMatchObject({ table: "corrections" });
  });

  it("with another end of what was there is found, and so is one that is gone", () => {
    const base = filled(4);
    base.append({ acts: [correction("c", { toMs: 8 * WINDOW_MS })] });
    base.append(windowOf(4));
    const donor = filled(5);
    donor.append({ acts: [correction("c", { toMs: 8 * WINDOW_MS })] });
    const act = base.db.prepare("SELECT max(sequence) FROM acts").pluck().get();
    const sql = `UPDATE corrections SET act_sequence = ${Number(act)}`;
    expect(verified(withDerivedOf(base, donor, sql))).toMatchObject({ table: "corrections" });
    const corrected = filled(4);
    corrected.append({ acts: [correction("c")] });
    expect(verified(withDerivedOf(corrected, filled(4)))).toMatchObject({
      table: "corrections",
      what: expect.stringContaining("has no row"),
    });
  });
});

type Row = Record<string, bigint | null>;

function rowsOf(db: Database, table: string): Row[] {
  return db.prepare<[], Row>(`SELECT * FROM ${table}`).safeIntegers().all();
}

function write(db: Database, table: string, rows: readonly Row[]): void {
  db.exec(`DELETE FROM ${table}`);
  for (const row of rows) {
    const values = Object.values(row);
    const marks = values.map(() => "?").join(", ");
    db.prepare(`INSERT INTO ${table} VALUES (${marks})`).run(...values);
  }
}

it.each(["corrections", "corrected_slices"])("any bit of any value of %s is found", (table) => {
  const { db, append } = filled(4);
  append({ acts: [correction("c", { toMs: WINDOW_MS, label: "other" })] });
  append({ acts: [correction("d", { fromMs: WINDOW_MS, ownerKey: undefined })] });
  unguarded(db);
  expect(verified(db)).toBeUndefined();
  const rows = rowsOf(db, table);
  expect(rows.length).toBeGreaterThan(1);
  for (const [i, row] of rows.entries())
    for (const [column, value] of Object.entries(row))
      for (const bit of value === null ? [0n] : [0n, 1n, 13n, 31n, 52n]) {
        const changed = (value ?? 0n) ^ (1n << bit);
        const others = rows.filter((other) => other !== row && other[column] !== changed);
        const [key] = Object.keys(row);
        // A number is taken from whoever has it.
        const kept = column === key ? others : rows.toSpliced(i, 1);
        write(db, table, [...kept, { ...row, [column]: changed }]);
        expect({ row, column, bit, problem: verified(db) }).toMatchObject({
          problem: { table: expect.stringMatching(/^correct/) },
        });
      }
  write(db, table, rows);
  expect(verified(db)).toBeUndefined();
});

describe("an honest ledger with corrections verifies", () => {
  it("with a later one over an earlier one, and time that comes after it", () => {
    const { db, append } = filled(4);
    append({
      acts: [correction("c"), correction("d", { newOwnerKey: undefined, label: "other" })],
    });
    append({
      ...windowOf(4),
      acts: [correction("e", { toMs: 9 * WINDOW_MS, newOwnerKey: "idle" })],
    });
    append(windowOf(5));
    expect(verified(db)).toBeUndefined();
    expect(rowsOf(db, "corrected_slices")).toHaveLength(5);
  });

  it.each(["user:alice", "user:bob"])("where %s was erased, and came again", (owner) => {
    const { db, append } = filled(4);
    append({ acts: [correction("c")] });
    erased(append, owner, "e");
    expect(verified(db)).toBeUndefined();
    append(windowOf(4));
    append({ acts: [correction("d", { toMs: 9 * WINDOW_MS })] });
    expect(verified(db)).toBeUndefined();
    expect(new Set(rowsOf(db, "corrections").map((row) => row.owner_id ?? 0n)).size).toBe(
      owner === "user:alice" ? 2 : 1,
    );
    unguarded(db);
    db.exec("UPDATE corrections SET owner_id = new_owner_id, new_owner_id = owner_id");
    expect(verified(db)).toMatchObject({ table: "corrections" });
  });

  it("where an erasure of older records took the name of the act alone", () => {
    const { db, append } = filled(4);
    append({ acts: [correction("c", { atMs: 1 })] });
    erased(append, "user:alice", "e", WINDOW_MS);
    expect(verified(db)).toBeUndefined();
    erased(append, "user:alice", "f");
    expect(verified(db)).toBeUndefined();
  });

  it("where an erasure of older records took the name of the owner alone", () => {
    const { db, append } = filled(4);
    append({ acts: [correction("c", { atMs: 9 * WINDOW_MS })] });
    erased(append, "user:alice", "e", 8 * WINDOW_MS);
    append({ slices: windowOf(9).slices });
    expect(verified(db)).toBeUndefined();
    pruned(db, 4 * HOUR_MS);
    expect(verified(db)).toBeUndefined();
  });

  it("where slices of some were removed: what is left is still held against the acts", () => {
    const { db, append } = filled(8);
    append({ acts: [correction("c", { toMs: 8 * WINDOW_MS })] });
    append(windowOf(8));
    expect(pruned(db, 2 * HOUR_MS)).toMatchObject({ slices: 8 });
    expect(rowsOf(db, "corrected_slices")).toHaveLength(4);
    expect(verified(db)).toBeUndefined();
    append(windowOf(9));
    append(windowOf(10));
    append({ acts: [correction("d", { fromMs: 8 * WINDOW_MS, toMs: 10 * WINDOW_MS })] });
    expect(pruned(db, 5 * HOUR_MS)).toMatchObject({ slices: 12 });
    expect(rowsOf(db, "corrected_slices")).toEqual([]);
    expect(verified(db)).toBeUndefined();
    unguarded(db);
    const [row] = rowsOf(db, "corrections");
    const values = "1, act_sequence, new_owner_id, new_owner_id FROM corrections LIMIT 1";
    db.exec(`INSERT INTO corrected_slices SELECT ${values}`);
    expect(verified(db)).toMatchObject({ table: "corrected_slices" });
    db.exec("DELETE FROM corrected_slices");
    db.exec(`UPDATE corrections SET owner_id = NULL WHERE act_sequence = ${row?.act_sequence}`);
    expect(verified(db)).toMatchObject({ table: "corrections" });
  });
});

it("a new owner without a name is refused, whoever hands the correction over", () => {
  const { append } = filled(1);
  for (const newOwnerKey of ["user:", "user", "job:", "idle:user:"])
    expect(() => append({ acts: [correction("c", { newOwnerKey })] })).toThrow("no name");
});
