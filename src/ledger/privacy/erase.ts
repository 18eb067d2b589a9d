import { createHash } from "node:crypto";
import type { Database, Statement } from "better-sqlite3";
import { ownerKey } from "../../model/owner.ts";
import { mentions } from "../../model/names.ts";
import type { ActOf, ErasureSelect } from "../acts.ts";
import { BatchRejected } from "../rejected.ts";
import { type Change, type PersonalTable, VALUE_COLUMN } from "./change.ts";
import { forgottenPerson } from "./forgotten.ts";
import { planAge } from "./plan-age.ts";
import { planOwner } from "./plan-owner.ts";
import { erasedTag } from "./tag.ts";

type Erasure = ActOf<"erasure">;

/** Rows that one act names: what age takes waits for the next one beyond that. */
const MAX_ROWS_OF_AGE = 5000;
const MAX_ROWS_OF_ACT = 5000;

/**
 * Indexes that have a name in them. What is deleted is zeroed, but where an index's page was split, a
 * copy of the entry between the halves stays behind: it is gone when the index is made again.
 */
const NAMED_INDEXES = [
  "owners",
  "states_of_owner",
  "processes_of_owner",
  "contexts_by_id",
] as const;

/** Inside the transaction that the act is part of. */
export type Erase = (act: Erasure) => void;

/**
 * Takes values away, and writes down which rows they stood in and what stands there now: an act, or
 * several where the rows are many.
 * @param insertAct puts an act on record
 * @returns a function that throws BatchRejected: `nothing` where there is nothing to erase, `invalid`
 * where the owner is nobody. An erasure that is on record already is not done again
 */
export function createErase(db: Database, insertAct: (act: Erasure) => void): Erase {
  const known = db.prepare("SELECT 1 FROM acts WHERE kind = 'erasure' AND id = ?");
  const write = createRowWriter(db);
  return ({ select, ...act }) => {
    if (!select) throw new BatchRejected("invalid", "an erasure must say what is to be erased");
    if (known.get(act.id) !== undefined) return;
    const first = nextAct(db);
    const { changes, reasonOf, name } = planned(db, select, first);
    if (changes.length === 0) throw new BatchRejected("nothing", nothing(select));
    const parts = inParts(changes);
    for (const [i, part] of parts.entries()) {
      const id = i === 0 ? act.id : `${act.id}/${i + 1}`;
      insertAct({
        ...act,
        id,
        reason: reasonOf(act.reason),
        by: reasonOf(act.by),
        erased: part.map(entryOf),
      });
    }
    write(parts.flatMap((part, i) => part.map((change) => ({ change, act: first + i }))));
    if (name === undefined) return;
    dropMessages(db, name);
    for (const index of NAMED_INDEXES) db.exec(`REINDEX ${index}`);
  };
}

/** Rows by table that an erasure would change, without changing any. */
export function countErasable(
  db: Database,
  select: ErasureSelect,
): { table: string; rows: number }[] {
  const counts = new Map<PersonalTable, number>();
  for (const { table } of planned(db, select, nextAct(db)).changes)
    counts.set(table, (counts.get(table) ?? 0) + 1);
  return [...counts].map(([table, rows]) => ({ table, rows }));
}

interface Planned {
  changes: readonly Change[];
  /** What the act itself says must not name whom it is about. */
  reasonOf: (text: string) => string;
  /** Of an owner. */
  name: string | undefined;
}

function planned(db: Database, select: ErasureSelect, actSequence: number): Planned {
  if (select.of === "names") {
    const name = forgottenPerson(db, select);
    if (name === undefined) return { changes: [], reasonOf: (text) => text, name };
    return planned(
      db,
      { of: "owner", ownerKey: ownerKey({ kind: "user", id: name }) },
      actSequence,
    );
  }
  if (select.of !== "owner") {
    const changes = planAge(db, select, MAX_ROWS_OF_AGE);
    return { changes, reasonOf: (text) => text, name: undefined };
  }
  const plan = planOwner(db, select, erasedTag(actSequence));
  if (!plan)
    throw new BatchRejected("invalid", "that is no owner whom anything could be erased of");
  const { textOf, name } = plan.renaming;
  return { changes: plan.changes, reasonOf: textOf, name };
}

function nothing(select: ErasureSelect): string {
  if (select.of === "owner") return "the ledger holds nothing of that owner: nothing was erased";
  return `nothing of ${select.of} is as old as that: nothing was erased`;
}

function nextAct(db: Database): number {
  const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'acts'").pluck().get();
  return Number(last ?? 0) + 1;
}

function inParts(changes: readonly Change[]): Change[][] {
  const parts: Change[][] = [];
  for (let from = 0; from < changes.length; from += MAX_ROWS_OF_ACT)
    parts.push(changes.slice(from, from + MAX_ROWS_OF_ACT));
  return parts;
}

function entryOf({ table, row, value }: Change): Erasure["erased"][number] {
  return { table, row, digest: createHash("sha256").update(value, "utf8").digest("hex") };
}

type RowWriter = (changes: readonly { change: Change; act: number }[]) => void;

function createRowWriter(db: Database): RowWriter {
  const prepared = new Map<string, Statement>();
  const statement = (table: PersonalTable, columns: readonly string[]): Statement => {
    const set = [VALUE_COLUMN[table], ...columns].map((column) => `${column} = ?`).join(", ");
    const sql = `UPDATE ${table} SET ${set}, salt = NULL, erased = ? WHERE rowid = ?`;
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  return (changes) => {
    for (const { change, act } of changes) {
      const { table, row, value, columns = {} } = change;
      const names = Object.keys(columns);
      const rest = names.map((each) => columns[each]);
      statement(table, names).run(value, ...rest, act, row);
    }
  };
}

const SETTLED = "SELECT rowid AS row, body FROM outbox WHERE state != 'due' AND instr(body, ?) > 0";

/** Messages that were delivered or given up and name the owner; those still due must arrive. */
function dropMessages(db: Database, name: string): void {
  const written = JSON.stringify(name).slice(1, -1);
  const drop = db.prepare("DELETE FROM outbox WHERE rowid = ?");
  const rows = db.prepare<[string], { row: number; body: string }>(SETTLED).all(written);
  for (const { row, body } of rows) if (mentions(body, written)) drop.run(row);
}
