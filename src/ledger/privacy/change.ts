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
  /** Bytes of what stood there. */
  wasBytes: number;
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
  /** As it is stored, and what that says. */
  text: string;
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
    const { row, value: text } = foundRow.parse(each);
    yield { row, text, value: parsedJson.parse(text) };
  }
}

/**
 * What a row becomes shorter by when it loses its salt: with so much more text it is as long as before.
 * Rows that keep their length stay where they are on their page; rows that move leave copies behind.
 */
export const SALT_ROOM = 12;

/** A change of a row's JSON; undefined where it says the same as before. */
export function changed(
  table: Exclude<PersonalTable, "owners">,
  { row, value, text }: Found,
  next: Json,
  columns?: Change["columns"],
): Change | undefined {
  const written = JSON.stringify(next);
  const isSame = written === JSON.stringify(value);
  if (isSame) return undefined;
  const wasBytes = Buffer.byteLength(text);
  const missing = wasBytes + SALT_ROOM - Buffer.byteLength(written);
  return { table, row, value: written + " ".repeat(Math.max(0, missing)), wasBytes, columns };
}
