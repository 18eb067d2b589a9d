import type { Database } from "better-sqlite3";
import { type Entry, hashOf, MARK_BYTES, markOf, parseRanges, RecordDigest } from "./entry.ts";
import {
  checkedColumns,
  createRowCheck,
  type RawCell,
  recordWidth,
  type RowCheck,
} from "./row-check.ts";
import {
  type Cell,
  CHAINED,
  CHAINED_NAMES,
  type ChainedName,
  type Ends,
  recordText,
} from "./tables.ts";
import { type Problem, Tampered } from "./tampered.ts";

const ENTRIES = `
  SELECT sequence, at_ms AS atMs, kind, ranges, marks, content, hash FROM chain
  ORDER BY sequence`;

/** Where a walk begins: after what retention has removed, or at the genesis. */
export interface Start {
  sequence: number;
  hash: Uint8Array;
  ends: Ends;
}

/** One walk through the chain and, side by side, through all tables: each is read once, in order. */
export interface WalkSettings {
  db: Database;
  start: Start;
  /** Each record that is what the chain says. */
  onRecord: (table: ChainedName, cells: readonly RawCell[]) => void;
  /** Each entry whose records are. */
  onEntry: (entry: Entry, records: number) => void;
}

/** @throws Tampered for the first record that is not what the chain says. Yields every now and then */
export function* walk(settings: WalkSettings): Generator<void> {
  const { db, start } = settings;
  const tables = new Map(CHAINED_NAMES.map((name) => [name, new TableWalk(db, name, start)]));
  try {
    yield* entries(settings, tables);
    for (const table of tables.values()) table.finish();
  } finally {
    for (const table of tables.values()) table.close();
  }
}

type Tables = ReadonlyMap<ChainedName, TableWalk>;

function* entries({ db, start, onRecord, onEntry }: WalkSettings, tables: Tables): Generator<void> {
  let { hash: previous, sequence } = start;
  for (const entry of db.prepare<[], Entry>(ENTRIES).iterate()) {
    sequence += 1;
    refuseBrokenLink(entry, sequence, previous);
    let records = 0;
    try {
      for (const [table, row] of recordsOf(entry, tables)) {
        onRecord(table, row);
        records += 1;
        if (records % YIELD_AFTER === 0) yield;
      }
    } catch (error) {
      throw inEntry(error, entry);
    }
    onEntry(entry, records);
    previous = entry.hash;
    if (sequence % YIELD_AFTER_ENTRIES === 0) yield;
  }
}

/** The records of an entry, each after its check. */
function* recordsOf(entry: Entry, tables: Tables): Generator<[ChainedName, RawCell[]]> {
  const check = new EntryCheck(entry);
  for (const [name, first, last] of rangesOf(entry))
    for (const row of tables.get(name)?.rows(first, last) ?? []) {
      check.record(name, row);
      yield [name, row];
    }
  check.finish();
}

const YIELD_AFTER = 10_000;
const YIELD_AFTER_ENTRIES = 500;

function refuseBrokenLink(entry: Entry, expected: number, previous: Uint8Array): void {
  const at = { table: "chain", row: expected, entry: expected, atMs: entry.atMs };
  if (entry.sequence > expected) throw new Tampered({ ...at, what: "this entry is missing" });
  if (entry.sequence < expected)
    throw new Tampered({ ...at, row: entry.sequence, what: "this entry is none of the chain" });
  if (!hashOf(previous, entry).equals(entry.hash))
    throw new Tampered({
      ...at,
      what: "its hash is not that of what it says and of the entry before",
    });
}

function* rangesOf({ sequence, ranges }: Entry): Generator<[ChainedName, number, number]> {
  const parsed = parseRanges(ranges);
  if (!parsed) throw new Tampered({ table: "chain", row: sequence, what: "its ranges are none" });
  for (const name of CHAINED_NAMES) {
    const range = parsed[name];
    if (range) yield [name, ...range];
  }
}

/** The problem with the entry that it was found in. */
function inEntry(error: unknown, { sequence, atMs }: Entry): unknown {
  return error instanceof Tampered
    ? new Tampered({ entry: sequence, atMs, ...error.problem })
    : error;
}

/** The records of one entry against its marks and its digest. */
class EntryCheck {
  readonly #entry: Entry;
  readonly #digest = new RecordDigest();
  #at = 0;
  #last: Pick<Problem, "table" | "row"> = { table: "chain" };

  constructor(entry: Entry) {
    this.#entry = entry;
  }

  record(table: ChainedName, row: readonly RawCell[]): void {
    const cells = row.slice(0, recordWidth(table)).filter(isCell);
    const text = recordText(table, cells);
    const id = Number(row[0]);
    const { marks } = this.#entry;
    const mark = this.#at + MARK_BYTES <= marks.length ? marks.readUInt32BE(this.#at) : undefined;
    if (mark !== markOf(text))
      throw new Tampered({ table, row: id, what: "it is not what the chain holds of it" });
    this.#digest.add(text);
    this.#at += MARK_BYTES;
    this.#last = { table, row: id };
  }

  finish(): void {
    const { sequence, marks, content, kind } = this.#entry;
    if (this.#at !== marks.length)
      throw new Tampered({ table: "chain", row: sequence, what: "records of it are missing" });
    // The content of the first entry is a random number: there is nothing before it.
    if (kind === "genesis" && sequence === 1) return;
    if (this.#digest.digest().equals(content)) return;
    const what =
      "it, or one before it in its entry, was changed with care: the marks fit, the digest does not";
    throw new Tampered({ ...this.#last, what });
  }
}

function isCell(cell: RawCell): cell is Cell {
  return !(cell instanceof Buffer);
}

/** One table, row by row: none is missing, none too many, and each is sound in itself. */
class TableWalk {
  readonly #name: ChainedName;
  readonly #rows: Iterator<RawCell[]>;
  readonly #check: RowCheck;
  #end: number;
  constructor(db: Database, name: ChainedName, { sequence, ends }: Start) {
    this.#name = name;
    this.#check = createRowCheck(db, name);
    this.#end = ends[name];
    const { id } = CHAINED[name];
    const sql = `SELECT ${checkedColumns(name)} FROM ${name} WHERE ${id} > ? ORDER BY ${id}`;
    // What stands before all that was ever written is no record either.
    const after = sequence === 0 ? Number.MIN_SAFE_INTEGER : ends[name];
    this.#rows = db.prepare<[number], RawCell[]>(sql).raw().iterate(after);
  }

  *rows(first: number, last: number): Generator<RawCell[]> {
    if (first !== this.#end + 1) throw this.#wrong(this.#end + 1, "no entry of the chain holds it");
    for (let expected = first; expected <= last; expected++) {
      const row = this.#take();
      const id = Number(row?.[0]);
      if (!row || id > expected) throw this.#wrong(expected, "it is missing");
      if (id < expected) throw this.#wrong(id, "no entry of the chain holds it");
      this.#end = id;
      yield row;
      const what = this.#check(row);
      if (what !== undefined) throw this.#wrong(id, what);
    }
  }

  /** After the last entry. */
  finish(): void {
    const row = this.#take();
    if (row) throw this.#wrong(Number(row[0]), "no entry of the chain holds it");
  }

  /** Lets go of the rows that were not read: nothing else could end the transaction. */
  close(): void {
    this.#rows.return?.();
  }

  #take(): RawCell[] | undefined {
    const { value, done } = this.#rows.next();
    return done === true ? undefined : value;
  }

  #wrong(row: number, what: string): Tampered {
    return new Tampered({ table: this.#name, row, what });
  }
}
