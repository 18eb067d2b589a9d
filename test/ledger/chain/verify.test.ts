import Sqlite, { type Database } from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAppend } from "../../../src/ledger/append.ts";
import { beginChain } from "../../../src/ledger/chain/chain.ts";
import { chainHead } from "../../../src/ledger/chain/head.ts";
import { migrate, MIGRATIONS } from "../../../src/ledger/migrate.ts";
import { slice, tempDir } from "../fixtures/make.ts";
import {
  inMemory,
  type Made,
  madeLedger,
  richBatch,
  signerOf,
  unguarded,
  verified,
} from "./support.ts";

/** A ledger that somebody with the file, and no key, has been at. */
function tamperedWith(count: number, sql: string): Database {
  const db = inMemory(madeLedger(count));
  unguarded(db);
  db.exec(sql);
  return db;
}

describe("a ledger that nobody touched", () => {
  it("verifies, and says what was checked", () => {
    const { db } = madeLedger(5);
    const result = verified(db);
    expect(result).toMatchObject({ problem: undefined, entries: 6, signatures: 2, unsigned: 1 });
    expect(result.records).toMatchObject({ slices: 15, gaps: 5, acts: 5, calibrations: 5 });
    expect(result.head).toMatchObject({ sequence: 6, hash: chainHead(db).hash });
  });

  it("verifies while it is empty", () => {
    expect(verified(madeLedger(0).db)).toMatchObject({ problem: undefined, entries: 1 });
  });

  it("verifies after a batch that was refused, and one that said nothing new", () => {
    const { db } = madeLedger(1);
    const append = createAppend(db);
    expect(() => append(richBatch(0))).toThrow("already");
    append({ ...richBatch(0), slices: [] });
    append({});
    expect(verified(db)).toMatchObject({ problem: undefined, entries: 2 });
  });

  it("verifies where the clock went back, and says so", () => {
    const { db } = madeLedger(1);
    createAppend(db, { nowMs: () => 1_799_996_400_000 })(richBatch(1));
    const { problem, notes } = verified(db);
    expect(problem).toBeUndefined();
    expect(notes).toEqual([expect.stringContaining("went back 1 times")]);
  });

  it("and where it went back by less than a second there is nothing to say", () => {
    const { db } = madeLedger(1);
    createAppend(db, { nowMs: () => 1_799_999_999_001 })(richBatch(1));
    expect(verified(db).notes).toEqual([]);
    createAppend(db, { nowMs: () => 1_799_999_998_001 })(richBatch(2));
    expect(verified(db).notes).toHaveLength(1);
  });

  it("of before the chain: all of it is in the chain after the migration", () => {
    const old = oldLedger();
    migrate(old, "");
    const result = verified(old);
    expect(result).toMatchObject({ problem: undefined, entries: 2 });
    expect(result.records).toEqual({
      texts: 5,
      gpus: 1,
      owners: 1,
      evidence: 1,
      gpu_states: 1,
      slices: 2,
      processes: 1,
    });
    unguarded(old);
    old.exec("UPDATE slices SET energy_mj = 2 WHERE sequence = 2");
    expect(verified(old).problem).toMatchObject({ table: "slices", row: 2, entry: 2 });
  });

  /** A ledger of version 3, as the release before wrote it. */
  function oldLedger(): Database {
    const db = new Sqlite(":memory:");
    onTestFinished(() => void db.close());
    migrate(db, "", MIGRATIONS.slice(0, 3));
    db.exec(`
      INSERT INTO gpus VALUES (1, 'GPU-a', 'n', 0, 'm', NULL, 300.5, NULL, NULL, NULL, NULL, 7, 1);
      INSERT INTO texts VALUES (1, 'other'), (2, 'device'), (3, 'n'), (4, 'rules-1'), (5, '0.1.0');
      INSERT INTO owners VALUES (1, 'user', 'alice', 'user:alice');
      INSERT INTO evidence VALUES (1, unhex('4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945'), '[]');
      INSERT INTO processes VALUES (1, 'user:alice', 7, 1, 2, '{"ownerKey":"user:alice"}');
      INSERT INTO slices VALUES (1, 1, 0, 10, 1, 10, NULL, 1, 2, 0.5, 1, 3, 4, 5, 1, NULL),
        (2, 1, 10, 20, 1, 10, 1, 1, 2, 0.5, 1, 3, 4, 5, 1, NULL);`);
    return db;
  }
});

describe("somebody with the file", () => {
  it.each([
    ["removes a row", "DELETE FROM slices WHERE sequence = 5", "slices", 5],
    ["removes the last row", "DELETE FROM slices WHERE sequence = 9", "slices", 9],
    ["removes a text", "DELETE FROM texts WHERE id = 2", "texts", 2],
    [
      "adds a row",
      "INSERT INTO gaps (node, source, from_ms, to_ms, reason) VALUES ('n', 's', 0, 1, 'r')",
      "gaps",
      4,
    ],
    ["adds a row before all", "INSERT INTO gaps VALUES (0, 'n', NULL, 's', 0, 1, 'r')", "gaps", 0],
    [
      "writes a row twice",
      `INSERT INTO incident_states SELECT sequence + 3, incident_id, state, updated_at_ms, json, salt, seal, erased
       FROM incident_states WHERE sequence = 1`,
      "incident_states",
      4,
    ],
    [
      "swaps two rows",
      `UPDATE calibrations SET sequence = -1 WHERE sequence = 1;
       UPDATE calibrations SET sequence = 1 WHERE sequence = 2;
       UPDATE calibrations SET sequence = 2 WHERE sequence = -1`,
      "calibrations",
      1,
    ],
    [
      "gives slices to somebody else",
      "UPDATE slices SET owner_id = 2 WHERE sequence = 4",
      "slices",
      4,
    ],
    ["renames an owner", "UPDATE owners SET ident = 'x', key = 'user:x' WHERE id = 1", "owners", 1],
    [
      "calls a change an erasure",
      "UPDATE owners SET ident = 'x', key = 'user:x', salt = NULL, erased = 1 WHERE id = 1",
      "owners",
      1,
    ],
    ["removes an entry", "DELETE FROM chain WHERE sequence = 3", "chain", 3],
    ["removes the last entry", "DELETE FROM chain WHERE sequence = 4", "owners", 6],
    ["removes the whole chain", "DELETE FROM chain; DELETE FROM signatures", "texts", 1],
    ["cuts off signatures", "DELETE FROM signatures", "signatures", 1],
    ["changes a sum", "UPDATE hours SET time_ms = time_ms + 1", "hours", undefined],
    [
      "says that sums stand for slices",
      "INSERT INTO meta VALUES ('prunedBeforeMs', 7)",
      "meta",
      undefined,
    ],
  ])("%s: the record is named", (_name, sql, table, row) => {
    const { problem } = verified(tamperedWith(3, sql));
    expect(problem).toMatchObject(row === undefined ? { table } : { table, row });
  });

  it.each([
    ["view incidents", "DROP VIEW incidents; CREATE VIEW incidents AS SELECT * FROM gaps WHERE 0"],
    ["trigger acts_no_update", "DROP TRIGGER acts_no_update"],
    ["trigger x", "CREATE TRIGGER x AFTER INSERT ON slices BEGIN DELETE FROM hours; END"],
    ["table x", "CREATE TABLE x (y)"],
    ["table outbox", "DROP TABLE outbox"],
    ["index acts_by_id", "DROP INDEX acts_by_id"],
    ["index x", "CREATE INDEX x ON acts (id)"],
  ])("makes of the schema another one: the %s is named", (name, sql) => {
    const db = inMemory(madeLedger(1));
    db.pragma("foreign_keys = OFF");
    db.exec(sql);
    const what = expect.stringContaining(`the ${name} `);
    expect(verified(db).problem).toMatchObject({ table: "sqlite_schema", what });
  });

  it("cuts off the end, with all that speaks of it: SQLite's own count tells", () => {
    const made = madeLedger(0);
    const append = createAppend(made.db);
    for (let n = 0; n < 3; n++) append({ gaps: richBatch(n).gaps });
    const db = inMemory(made);
    unguarded(db);
    expect(verified(db).problem).toBeUndefined();
    db.exec("DELETE FROM gaps WHERE sequence = 3; DELETE FROM chain WHERE sequence = 4");
    const what = expect.stringContaining("numbers went up to 3");
    expect(verified(db).problem).toMatchObject({ table: "gaps", row: 3, what });
  });
});

describe("somebody with the file and the means to chain it anew", () => {
  /** All of it, after a change: what root with the program's source can do. */
  function rewritten(made: Made, sql: string): Database {
    const db = inMemory(made);
    unguarded(db);
    db.exec(sql);
    db.exec(
      "DELETE FROM chain; DELETE FROM signatures; DELETE FROM sqlite_sequence WHERE name IN ('chain', 'signatures')",
    );
    beginChain(db, 0);
    return db;
  }

  const CHEAPER = "UPDATE slices SET energy_mj = 1, idle_energy_mj = 1 WHERE sequence = 1";

  it("cannot sign it with the node's key: the key that was given tells", () => {
    const made = madeLedger(3);
    const key = { id: signerOf(made.db, made.dir).signHead().keyId };
    expect(verified(made.db, { key }).problem).toBeUndefined();
    const db = rewritten(made, "UPDATE gaps SET reason = 'x'");
    signerOf(db, tempDir()).signHead();
    expect(verified(db).problem).toBeUndefined();
    expect(verified(db, { key }).problem).toMatchObject({ table: "signatures" });
  });

  it("and with the key: an anchor that was kept elsewhere tells, and nothing else does", () => {
    const made = madeLedger(3);
    const head = signerOf(made.db, made.dir).signHead();
    const anchors = [{ ...head, node: "node-1", line: 1 }];
    const key = { id: head.keyId };
    expect(verified(made.db, { key, anchors })).toMatchObject({
      problem: undefined,
      anchors: { checked: 1, lastSequence: head.sequence },
    });
    const db = rewritten(made, "UPDATE gaps SET reason = 'x'");
    signerOf(db, made.dir).signHead();
    expect(verified(db, { key }).problem).toBeUndefined();
    expect(verified(db, { key, anchors }).problem).toMatchObject({ table: "chain" });
  });

  it("still has to make the sums right", () => {
    const db = rewritten(madeLedger(2), CHEAPER);
    signerOf(db, tempDir()).signHead();
    expect(verified(db).problem).toMatchObject({ table: "segments" });
    const longer = rewritten(madeLedger(2), "UPDATE slices SET time_ms = 4999 WHERE sequence = 1");
    expect(verified(longer).problem).toMatchObject({ table: "slices", row: 1 });
    const early = rewritten(
      madeLedger(2),
      "UPDATE slices SET from_ms = 5000, to_ms = 15000 WHERE sequence IN (4, 5)",
    );
    expect(verified(early).problem).toMatchObject({ table: "slices", row: 4 });
  });

  it("a key that was lost and made anew is said, and is no error", () => {
    const made = madeLedger(2);
    createAppend(made.db)({ slices: [slice({ fromMs: 90_000 })] });
    const { keyId } = signerOf(made.db, tempDir()).signHead();
    const { problem, keys, notes } = verified(made.db);
    expect(problem).toBeUndefined();
    expect(keys).toHaveLength(2);
    expect(notes).toContainEqual(expect.stringContaining(keyId));
  });
});
