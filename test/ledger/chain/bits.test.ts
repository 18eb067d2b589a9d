import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, it } from "vitest";
import { seeded } from "../../support/seeded.ts";
import { inMemory, madeLedger, RECORD_TABLES, unguarded, verified } from "./support.ts";

type Value = bigint | number | string | Buffer | null;

/** The value with one bit of it changed, as it is stored; undefined where it has no such bit. */
function flipped(value: Value, bit: number): Value | undefined {
  if (value === null) return undefined;
  if (typeof value === "bigint") return BigInt.asIntN(64, value ^ (1n << BigInt(bit % 64)));
  if (typeof value === "number") {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    const changed = flip(bytes, bit).readDoubleBE();
    // SQLite has neither: they are NULL and 0 there.
    return Number.isNaN(changed) || Object.is(changed, -0) ? undefined : changed;
  }
  const bytes = Buffer.from(value);
  return bytes.length === 0 ? undefined : flip(bytes, bit);
}

function flip(bytes: Buffer, bit: number): Buffer {
  const at = Math.floor(bit / 8) % bytes.length;
  const changed = Buffer.from(bytes);
  changed.writeUInt8((changed[at] ?? 0) ^ (1 << (bit % 8)), at);
  return changed;
}

interface Place {
  table: string;
  row: number;
  column: string;
  value: Value;
  isText: boolean;
}

/** Every value of every record. */
function placesOf(db: Database.Database): Place[] {
  return RECORD_TABLES.flatMap((table) => {
    const rows = db.prepare<[], Record<string, Value>>(`SELECT rowid AS "_", * FROM ${table}`);
    return rows
      .safeIntegers()
      .all()
      .flatMap(({ _: row, ...columns }) =>
        Object.entries(columns).map(([column, value]) => {
          return { table, row: Number(row), column, value, isText: typeof value === "string" };
        }),
      );
  });
}

/** @returns whether the database took it: a unique column refuses a value that is there already */
function written(
  db: Database.Database,
  { table, column, isText }: Place,
  value: Value,
  row: number | bigint,
): boolean {
  const bound = isText ? "CAST(? AS TEXT)" : "?";
  const bytes = isText && typeof value === "string" ? Buffer.from(value) : value;
  try {
    const { changes } = db
      .prepare(`UPDATE ${table} SET ${column} = ${bound} WHERE rowid = ?`)
      .run(bytes, row);
    expect(changes).toBe(1);
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_CONSTRAINT"))
      return false;
    throw error;
  }
}

function copy(): Database.Database {
  const db = inMemory(madeLedger(2));
  unguarded(db);
  return db;
}

it(
  "any bit of any value of any record is found, and the record is named",
  { timeout: 120_000 },
  () => {
    const db = copy();
    const places = placesOf(db);
    // The control.
    expect(verified(db).problem).toBeUndefined();
    expect(new Set(places.map(({ table }) => table))).toEqual(new Set(RECORD_TABLES));
    let flips = 0;
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = seeded(seed);
        for (const place of places) {
          const { table, row, column, value } = place;
          const changed = flipped(value, Math.floor(random() * 65_536));
          if (changed === undefined || !written(db, place, changed, row)) continue;
          flips += 1;
          // The row's own number: it is that row which is missing now, or the other one too many.
          const isNumber =
            value === BigInt(row) && typeof changed === "bigint" && isNumbered(place);
          const { problem } = verified(db);
          const named = [row, ...(isNumber ? [Number(changed)] : [])];
          // A signature that counts for a later entry leaves the next one out of order.
          if (column === "chain_sequence") named.push(row + 1);
          expect({ place, changed, problem }).toMatchObject({
            problem: { table, row: expect.toBeOneOf(named) },
          });
          expect(written(db, place, value, isNumber ? changed : row)).toBe(true);
        }
      }),
      { numRuns: 2, endOnFailure: true },
    );
    expect(flips).toBeGreaterThan(places.length);
    expect(verified(db).problem).toBeUndefined();
  },
);

/** Whether the column is the row's number. */
function isNumbered({ table, column }: Place): boolean {
  return column === "sequence" || (column === "id" && table !== "acts");
}
