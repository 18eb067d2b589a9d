import SqliteDatabase, { type Database } from "better-sqlite3";
import { MIGRATIONS, migrate, readHeader } from "../migrate.ts";
import { Tampered } from "./tampered.ts";

/** What ANALYZE makes says nothing of any record. A table comes before what goes with it. */
const SCHEMA = `
  SELECT type, name, sql FROM sqlite_schema
  WHERE NOT (type = 'table' AND name GLOB 'sqlite_stat[0-9]')
  ORDER BY instr('table view index trigger', type), name`;

interface SchemaObject {
  type: string;
  name: string;
  sql: string | null;
}

/**
 * Tables, views, indexes and triggers are those that the program made: a view that leaves rows out
 * lies as well as a row that is not there. @throws Tampered
 */
export function checkSchema(db: Database): void {
  const expected = expectedSchema(readHeader(db).version);
  const found = schemaOf(db);
  for (const [name, sql] of expected) {
    const there = found.get(name);
    if (there === sql) continue;
    const what = there === undefined ? "is missing" : "is not as the program made it";
    throw new Tampered({ table: "sqlite_schema", what: `the ${name} ${what}` });
  }
  for (const name of found.keys())
    if (!expected.has(name))
      throw new Tampered({ table: "sqlite_schema", what: `the ${name} is none of the program's` });
}

const known = new Map<number, ReadonlyMap<string, string>>();

/** Of a new ledger: one that was migrated went through the same steps. */
function expectedSchema(version: number): ReadonlyMap<string, string> {
  const remembered = known.get(version);
  if (remembered) return remembered;
  const db = new SqliteDatabase(":memory:");
  try {
    migrate(db, ":memory:", MIGRATIONS.slice(0, version));
    const schema = schemaOf(db);
    known.set(version, schema);
    return schema;
  } finally {
    db.close();
  }
}

/** By type and name, such as `view incidents`. */
function schemaOf(db: Database): ReadonlyMap<string, string> {
  const rows = db.prepare<[], SchemaObject>(SCHEMA).all();
  return new Map(rows.map(({ type, name, sql }) => [`${type} ${name}`, sql ?? ""]));
}
