import { createHash } from "node:crypto";
import type { Database } from "better-sqlite3";
import { z } from "zod";
import { parseOwnerKey } from "../../model/owner.ts";
import { type Change, changed, rowsOf } from "./change.ts";
import { erasable, type Renaming, renamingOf } from "./owner-names.ts";
import {
  bareOwner,
  bareProcess,
  fieldsOf,
  type Json,
  renamed,
  renamedAct,
  without,
} from "./redact.ts";

const KNOWN_KEYS = `
  SELECT key FROM owners UNION SELECT owner_key FROM owner_states UNION SELECT owner_key FROM processes`;

/** Of any window that begins by then or later. */
const SINCE = `
  SELECT 1 FROM gpus g JOIN slices s ON s.gpu_id = g.id AND s.from_ms >= ? WHERE s.owner_id = ? LIMIT 1`;

export interface OwnerPlan {
  renaming: Renaming;
  changes: Change[];
}

/**
 * What it takes to erase an owner: his name wherever it stands, and of his processes all but numbers.
 * With `beforeMs` records from then on stay as they are, and so does his line of the bill while it
 * goes on.
 * @param wishedTag what stands in the name's place, where no owner is called that already
 * @returns undefined where the key is no owner's
 */
export function planOwner(
  db: Database,
  { ownerKey: key, beforeMs }: { ownerKey: string; beforeMs?: number | undefined },
  wishedTag: string,
): OwnerPlan | undefined {
  const owner = erasable(key);
  if (!owner) return undefined;
  const known = z.array(z.string()).parse(db.prepare(KNOWN_KEYS).pluck().all());
  const renaming = renamingOf(owner, known, wishedTag);
  const lines = owners(db, renaming, beforeMs);
  const isOver = beforeMs === undefined || lines.every(({ stays }) => !stays);
  const where = new Where(renaming, known, beforeMs);
  const changes = [
    ...lines.flatMap(({ change }) => change ?? []),
    ...states(db, renaming, where),
    ...processes(db, renaming, where),
    ...contexts(db, renaming, where),
    ...incidents(db, renaming, where),
    ...acts(db, renaming, where),
    // Evidence is shared by slices of any time.
    ...(isOver ? evidence(db, renaming, where) : []),
  ];
  return { renaming, changes };
}

/** Rows that may name the owner: as JSON writes the name, or by the owner's key. */
class Where {
  readonly bindings: Readonly<Record<string, string | number>>;
  private readonly isTimed: boolean;

  constructor({ name, keyOf }: Renaming, known: readonly string[], beforeMs: number | undefined) {
    this.isTimed = beforeMs !== undefined;
    this.bindings = {
      name: JSON.stringify(name).slice(1, -1),
      keys: JSON.stringify(known.filter((key) => keyOf(key) !== key)),
      beforeMs: beforeMs ?? 0,
    };
  }

  /** `byKey` for tables that have the owner's key in a column. */
  in(time: string | undefined, byKey = false): string {
    const byOwner = " OR owner_key IN (SELECT value FROM json_each(@keys))";
    const found = `(instr(json, @name) > 0${byKey ? byOwner : ""})`;
    return this.isTimed && time !== undefined ? `${found} AND ${time} < @beforeMs` : found;
  }
}

/** A line of the bill that is the owner's: what becomes of it, or that it goes on. */
interface Line {
  change?: Change;
  stays: boolean;
}

const ownerRow = z.object({ row: z.int(), value: z.string() });

function owners(db: Database, { keyOf }: Renaming, beforeMs: number | undefined): Line[] {
  const rows = z
    .array(ownerRow)
    .parse(db.prepare("SELECT id AS row, key AS value FROM owners").all());
  const since = db.prepare<[number, number]>(SINCE);
  return rows.flatMap(({ row, value: key }): Line[] => {
    const next = keyOf(key);
    if (next === key) return [];
    if (beforeMs !== undefined && since.get(beforeMs, row) !== undefined) return [{ stays: true }];
    const { kind, id } = parseOwnerKey(next) ?? { kind: "user", id: next };
    const change: Change = { table: "owners", row, value: next, columns: { kind, ident: id } };
    return [{ change, stays: false }];
  });
}

function* states(db: Database, { keyOf, textOf }: Renaming, where: Where): Generator<Change> {
  for (const found of rowsOf(db, "owner_states", where.in("at_ms", true), where.bindings)) {
    const { key } = fieldsOf(found.value);
    const old = typeof key === "string" ? key : "";
    const next = keyOf(old);
    const owner = parseOwnerKey(next) ?? { kind: "user", id: next };
    const value =
      next === old ? renamed(found.value, textOf) : bareOwner(found.value, { ...owner }, next);
    const change = changed("owner_states", found, value, { owner_key: next });
    if (change) yield change;
  }
}

/** Of whoever else's process names him no command is left either: it was in there that it did. */
function* processes(db: Database, renaming: Renaming, where: Where): Generator<Change> {
  const { keyOf, textOf, isPerson, name } = renaming;
  for (const found of rowsOf(db, "processes", where.in("first_seen_ms", true), where.bindings)) {
    const { ownerKey: key, user } = fieldsOf(found.value);
    const old = typeof key === "string" ? key : "";
    const next = keyOf(old);
    const isHis = next !== old || (isPerson && user === name);
    const named = renamed(found.value, textOf);
    if (!isHis && JSON.stringify(named) === JSON.stringify(found.value)) continue;
    const value = isHis ? bareProcess(found.value, next) : bareMention(named);
    const change = changed("processes", found, value, { owner_key: next });
    if (change) yield change;
  }
}

function bareMention(process: Json): Json {
  const { command: _, lineage: __, ...kept } = fieldsOf(process);
  return without(Object.fromEntries(Object.entries(kept).map(([k, v]) => [k, v ?? null])), "exe");
}

function* contexts(db: Database, { textOf }: Renaming, where: Where): Generator<Change> {
  for (const found of rowsOf(db, "contexts", where.in("from_ms"), where.bindings)) {
    const named = renamed(found.value, textOf);
    if (JSON.stringify(named) === JSON.stringify(found.value)) continue;
    const value = without(named, "arguments");
    const { id } = fieldsOf(value);
    const change = changed("contexts", found, value, {
      context_id: typeof id === "string" ? id : null,
    });
    if (change) yield change;
  }
}

function* incidents(db: Database, { textOf }: Renaming, where: Where): Generator<Change> {
  for (const found of rowsOf(db, "incident_states", where.in("updated_at_ms"), where.bindings)) {
    const named = renamed(found.value, textOf);
    if (JSON.stringify(named) === JSON.stringify(found.value)) continue;
    const change = changed("incident_states", found, without(named, "arguments"));
    if (change) yield change;
  }
}

function* acts(db: Database, { textOf }: Renaming, where: Where): Generator<Change> {
  for (const found of rowsOf(db, "acts", where.in("at_ms"), where.bindings)) {
    const change = changed("acts", found, renamedAct(found.value, textOf));
    if (change) yield change;
  }
}

/** Evidence is found by a digest of its text: what that was must not be there to be guessed at. */
function* evidence(db: Database, { textOf, tag }: Renaming, where: Where): Generator<Change> {
  for (const found of rowsOf(db, "evidence", where.in(undefined), where.bindings)) {
    const digest = createHash("sha256").update(`${tag} ${found.row}`).digest();
    const change = changed("evidence", found, renamed(found.value, textOf), { digest });
    if (change) yield change;
  }
}
