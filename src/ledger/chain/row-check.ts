import { createHash } from "node:crypto";
import type { Database } from "better-sqlite3";
import { z } from "zod";
import { ownerKey, parseOwnerKey } from "../../model/owner.ts";
import { actSchema } from "../acts.ts";
import { SEALED } from "../migrations/004-seals.ts";
import { digestInPlace, sealOf } from "../seal.ts";
import { type Cell, CHAINED, type ChainedName, recordColumns } from "./tables.ts";

/** As the database gives it back. */
export type RawCell = Cell | Buffer;

/** What is wrong with a row as it stands, whatever the chain says; undefined where nothing is. */
export type RowCheck = (row: readonly RawCell[]) => string | undefined;

/** Of each sealed table the column that says again what the value says, and how to read it of that. */
const COPIES: Readonly<Record<string, readonly [column: string, of: (value: string) => RawCell]>> =
  {
    owners: ["ident", (key) => parseOwnerKey(key)?.id ?? key],
    evidence: ["digest", (json) => createHash("sha256").update(json).digest()],
    owner_states: ["owner_key", field("key")],
    processes: ["owner_key", field("ownerKey")],
    contexts: ["context_id", field("id")],
    incident_states: ["NULL", () => null],
    acts: ["NULL", () => null],
  };

/** The columns of a record, and after them what its check needs. */
export function checkedColumns(table: ChainedName): string {
  const copy = COPIES[table];
  if (!copy) return recordColumns(table);
  return `${recordColumns(table)}, salt, erased, ${valueColumn(table)}, ${copy[0]}`;
}

/** How many of {@link checkedColumns} are the record. */
export function recordWidth(table: ChainedName): number {
  return 1 + CHAINED[table].columns.length;
}

export function createRowCheck(db: Database, table: ChainedName): RowCheck {
  const copy = COPIES[table];
  if (!copy) return () => undefined;
  const width = recordWidth(table);
  const erased = createErasures(db);
  return (row) => {
    const [salt, erasedBy, value, copied] = row.slice(width);
    const [id, seal] = [row[0], row[width - 1]];
    if (typeof value !== "string" || typeof id !== "number") return "its value is no text";
    if (table === "owners" && !isOwnerKey(value, row[1])) return "its key is not of its kind";
    const wrong =
      erasedBy === 0 ? unsealed(salt, value, seal) : notErased(table, id, erasedBy, value, salt);
    if (wrong !== undefined) return wrong;
    // The digest of an erased value would tell whoever guesses it.
    if (table === "evidence" && erasedBy !== 0) return same(copied, digestInPlace(id), "digest");
    return same(copied, copy[1](value), copy[0]);
  };

  function notErased(
    name: ChainedName,
    id: number,
    act: RawCell | undefined,
    value: string,
    salt: RawCell | undefined,
  ): string | undefined {
    if (salt !== null) return "it counts as erased, but its salt is there";
    const digest = typeof act === "number" ? erased(act).get(`${name} ${id}`) : undefined;
    if (digest === undefined) return "it counts as erased, but no erasure names it";
    if (digest === createHash("sha256").update(value, "utf8").digest("hex")) return undefined;
    return "what stands in the erased value's place is not what the erasure left";
  }
}

function valueColumn(table: ChainedName): string {
  return Object.hasOwn(SEALED, table) ? SEALED[table as keyof typeof SEALED] : "json";
}

function unsealed(
  salt: RawCell | undefined,
  value: string,
  seal: RawCell | undefined,
): string | undefined {
  if (!(salt instanceof Buffer)) return "its salt is missing, and no erasure took it";
  const isSealed = sealOf(salt, value).toString("hex") === seal;
  return isSealed ? undefined : "its value is not the one that was sealed";
}

function same(copied: RawCell | undefined, expected: RawCell, column: string): string | undefined {
  const isSame =
    expected instanceof Buffer
      ? copied instanceof Buffer && expected.equals(copied)
      : expected === copied;
  return isSame ? undefined : `its column ${column} is not what its value says`;
}

function isOwnerKey(key: string, kind: RawCell | undefined): boolean {
  const owner = parseOwnerKey(key);
  return owner?.kind === kind && owner !== undefined && ownerKey(owner) === key;
}

function field(name: string): (json: string) => RawCell {
  const schema = z.object({ [name]: z.string().optional() });
  return (json) => {
    try {
      return schema.parse(JSON.parse(json))[name] ?? null;
    } catch {
      return Buffer.alloc(0); // equals no column of text
    }
  };
}

const MAX_ACTS = 16;
const parsedAct = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(actSchema);

/** What an erasure left of which row: digests by `table row`. The last few acts are remembered. */
function createErasures(db: Database): (act: number) => ReadonlyMap<string, string> {
  const find = db.prepare<[number], string>(
    "SELECT json FROM acts WHERE sequence = ? AND kind = 'erasure'",
  );
  const known = new Map<number, ReadonlyMap<string, string>>();
  return (act) => {
    const remembered = known.get(act);
    if (remembered) return remembered;
    const parsed = parsedAct.safeParse(find.pluck().get(act));
    const rows = parsed.success && parsed.data.kind === "erasure" ? parsed.data.erased : [];
    const digests = new Map(rows.map(({ table, row, digest }) => [`${table} ${row}`, digest]));
    if (known.size >= MAX_ACTS) known.clear();
    known.set(act, digests);
    return digests;
  };
}
