import type { Database } from "better-sqlite3";
import { z } from "zod";
import { SEALED, type SealedTable } from "../migrations/004-seals.ts";
import type { Json } from "./redact.ts";

/** Tables with rows that may name a person. */
export type PersonalTable = SealedTable | "acts";

/** The column whose text is erased; the others of a change follow it. */
export const VALUE_COLUMN: Readonly<Record<PersonalTable, string>> = { ...SEALED, acts: "json" };

/** What an erasure makes of one row. */
export interface Change {
  table: PersonalTable;
  row: number;
  /** Of the value's column. */
  value: string;
  /** Columns that say some of it again. */
  columns?: Readonly<Record<string, string | Buffer | null>> | undefined;
}

export const foundRow = z.object({ row: z.int(), value: z.string() });

const parsedJson = z.string().transform((text, context): Json => {
  try {
    return z.json().parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: "custom", message: "is no JSON" });
    return z.NEVER;
  }
});

export interface Found {
  row: number;
  value: Json;
}

/** Rows of a table by a condition on its columns; all of them, in their order, one after another. */
export function* rowsOf(
  db: Database,
  table: Exclude<PersonalTable, "owners">,
  where: string,
  bindings: Readonly<Record<string, string | number | null>>,
): Generator<Found> {
  const select = `SELECT rowid AS row, json AS value FROM ${table} WHERE ${where} ORDER BY rowid`;
  for (const each of db.prepare(select).iterate(bindings)) {
    const { row, value } = foundRow.parse(each);
    yield { row, value: parsedJson.parse(value) };
  }
}

/** A change of a row's JSON; undefined where it says the same as before. */
export function changed(
  table: Exclude<PersonalTable, "owners">,
  { row, value }: Found,
  next: Json,
  columns?: Change["columns"],
): Change | undefined {
  const written = JSON.stringify(next);
  const isSame = written === JSON.stringify(value);
  return isSame ? undefined : { table, row, value: written, columns };
}
