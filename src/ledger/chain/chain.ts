import { randomBytes } from "node:crypto";
import type { Database } from "better-sqlite3";
import {
  type Entry,
  type EntryKind,
  HASH_BYTES,
  hashOf,
  MARK_BYTES,
  markOf,
  NO_HASH,
  RecordDigest,
} from "./entry.ts";
import {
  type Cell,
  CHAINED,
  CHAINED_NAMES,
  type ChainedName,
  createEnds,
  type Ends,
  NO_ROWS,
  recordColumns,
  recordText,
} from "./tables.ts";

const INSERT = `
  INSERT INTO chain (sequence, at_ms, kind, ranges, marks, content, hash)
  VALUES (@sequence, @atMs, @kind, @ranges, @marks, @content, @hash)`;

const HEAD = "SELECT sequence, hash FROM chain ORDER BY sequence DESC LIMIT 1";

/** An entry of more would need much memory at once; only a ledger of before the chain has as many. */
const MAX_RECORDS = 65_536;

/** Adds to the chain what a transaction has written. Calls belong inside that transaction. */
export interface ChainWriter {
  /** Where the tables end: to be read before anything is written. */
  ends(): Ends;
  /** Chains all rows after `before`; no entry where there are none. */
  extend(before: Ends, atMs: number): void;
}

export function createChainWriter(db: Database, kind: EntryKind = "batch"): ChainWriter {
  const add = createEntryInsert(db);
  const selects = new Map(CHAINED_NAMES.map((name) => [name, rowsAfter(db, name)]));
  const ends = createEnds(db);
  return {
    ends,
    extend(before, atMs) {
      const after = ends();
      let records = new EntryRecords();
      for (const [name, select] of selects)
        for (let last = before[name]; last < after[name];) {
          const rows = select.all(last, MAX_RECORDS - records.count);
          records.add(name, rows);
          last = Number(rows.at(-1)?.[0] ?? after[name]);
          if (records.count < MAX_RECORDS) continue;
          add({ kind, atMs, ...records.finish() });
          records = new EntryRecords();
        }
      if (records.count > 0) add({ kind, atMs, ...records.finish() });
    },
  };
}

/** Begins the chain of a ledger: with what it holds already, where it is one of before the chain. */
export function beginChain(db: Database, atMs: number): void {
  const content = randomBytes(HASH_BYTES);
  const nothing = { ranges: "{}", marks: Buffer.alloc(0) };
  createEntryInsert(db)({ kind: "genesis", atMs, content, ...nothing });
  createChainWriter(db, "legacy").extend(NO_ROWS, atMs);
}

function rowsAfter(db: Database, name: ChainedName) {
  const { id } = CHAINED[name];
  const sql = `SELECT ${recordColumns(name)} FROM ${name} WHERE ${id} > ? ORDER BY ${id} LIMIT ?`;
  return db.prepare<[number, number], Cell[]>(sql).raw();
}

function createEntryInsert(db: Database): (entry: Omit<Entry, "sequence" | "hash">) => void {
  const head = db.prepare<[], Pick<Entry, "sequence" | "hash">>(HEAD);
  const insert = db.prepare(INSERT);
  return (entry) => {
    const { sequence: last, hash: previous } = head.get() ?? { sequence: 0, hash: NO_HASH };
    const whole = { ...entry, sequence: last + 1 };
    insert.run({ ...whole, hash: hashOf(previous, whole) });
  };
}

/** What an entry says of its records. */
class EntryRecords {
  count = 0;
  readonly #digest = new RecordDigest();
  readonly #marks: number[] = [];
  readonly #ranges: [ChainedName, [first: number, last: number]][] = [];

  add(name: ChainedName, rows: readonly Cell[][]): void {
    const [first, last] = [Number(rows[0]?.[0]), Number(rows.at(-1)?.[0])];
    if (rows.length === 0) return;
    for (const row of rows) {
      const text = recordText(name, row);
      this.#digest.add(text);
      this.#marks.push(markOf(text));
    }
    this.#ranges.push([name, [first, last]]);
    this.count += rows.length;
  }

  finish(): Pick<Entry, "ranges" | "marks" | "content"> {
    const marks = Buffer.alloc(this.#marks.length * MARK_BYTES);
    for (const [i, mark] of this.#marks.entries()) marks.writeUInt32BE(mark, i * MARK_BYTES);
    const ranges = JSON.stringify(Object.fromEntries(this.#ranges));
    return { ranges, marks, content: this.#digest.digest() };
  }
}
