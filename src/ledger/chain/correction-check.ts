import type { Database } from "better-sqlite3";
import { z } from "zod";
import { parseOwnerKey } from "../../model/owner.ts";
import { type ActOf, actSchema } from "../acts.ts";
import { isErasedFrom } from "../privacy/tag.ts";
import { json, ownerKeyFilter } from "../row.ts";
import { parseRanges } from "./entry.ts";
import { endsOf } from "./kept.ts";
import type { Ends } from "./tables.ts";
import { Tampered } from "./tampered.ts";
import type { Checkpoint } from "./verify.ts";

const CORRECTIONS = `
  SELECT k.act_sequence AS actSequence, k.gpu_id AS gpuId, g.uuid AS gpuUuid, k.from_ms AS fromMs,
    k.to_ms AS toMs, k.owner_id AS ownerId, k.new_owner_id AS newOwnerId,
    k.new_label_id AS labelId, l.text AS label, k.last_sequence AS lastSequence,
    a.json, a.erased
  FROM corrections k LEFT JOIN acts a ON a.sequence = k.act_sequence AND a.kind = 'correction'
  LEFT JOIN gpus g ON g.id = k.gpu_id LEFT JOIN texts l ON l.id = k.new_label_id
  ORDER BY k.act_sequence`;

const WITHOUT_ROW = `
  SELECT min(sequence) FROM acts
  WHERE kind = 'correction' AND sequence NOT IN (SELECT act_sequence FROM corrections)`;

const ENTRIES = "SELECT kind, ranges FROM chain ORDER BY sequence";

/** Whatever stands there: this is what is to be found out. */
interface Row {
  actSequence: number;
  gpuUuid: string | null;
  fromMs: number;
  toMs: number;
  ownerId: number | null;
  newOwnerId: number | null;
  labelId: number | null;
  label: string | null;
  lastSequence: number;
  json: string | null;
  erased: number;
}

const actJson = json(actSchema);

/**
 * A row of `corrections` says in numbers what its act says in words, and no entry of the chain holds
 * it: each has to belong to a correction on record and to agree with it in every field, and each
 * correction on record has to have its row. @throws Tampered
 */
export function checkCorrections(db: Database, checkpoint: Checkpoint | undefined): void {
  const missing = z.int().nullable().parse(db.prepare(WITHOUT_ROW).pluck().get());
  if (missing !== null) throw wrong(missing, "the correction on record has no row");
  const rows = db.prepare<[], Row>(CORRECTIONS).all();
  if (rows.length === 0) return;
  const then = timesOf(db, checkpoint, rows);
  const owners = createOwners(db);
  for (const row of rows) {
    const at = then.get(row.actSequence);
    const what = at ? difference(row, at, owners) : "no entry of the chain holds its act";
    if (what !== undefined) throw wrong(row.actSequence, what);
  }
}

function wrong(row: number, what: string): Tampered {
  return new Tampered({ table: "corrections", row, what });
}

/** What there was when an act was written; `isExact` where it is not only a bound. */
interface Then {
  slices: number;
  owners: number;
  isExact: boolean;
}

/** The ends of the entry that holds each act; of a removed entry only those of the last one removed. */
function timesOf(
  db: Database,
  checkpoint: Checkpoint | undefined,
  rows: readonly Row[],
): ReadonlyMap<number, Then> {
  const ends = endsOf(db, checkpoint?.chainSequence ?? 0);
  const times = new Map<number, Then>();
  let next = 0;
  const reached = ({ acts, slices, owners }: Ends, isExact: boolean): void => {
    for (let row = rows[next]; row && row.actSequence <= acts; row = rows[++next])
      times.set(row.actSequence, { slices, owners, isExact });
  };
  reached(ends, false);
  for (const { kind, ranges } of db
    .prepare<[], { kind: string; ranges: string }>(ENTRIES)
    .iterate()) {
    if (next >= rows.length) break;
    const { acts, slices, owners } = parseRanges(ranges) ?? {};
    ends.acts = acts?.[1] ?? ends.acts;
    ends.slices = slices?.[1] ?? ends.slices;
    ends.owners = owners?.[1] ?? ends.owners;
    // What was there before the chain is in it as it was found, not as it came.
    if (acts) reached(ends, kind === "batch");
  }
  return times;
}

function difference(row: Row, then: Then, owners: Owners): string | undefined {
  const act = actJson.safeParse(row.json);
  if (!act.success || act.data.kind !== "correction") return "no correction on record is its act";
  const { gpuUuid, fromMs, toMs, label, ownerKey, newOwnerKey } = act.data;
  const fits = {
    gpu_id: row.gpuUuid === gpuUuid,
    from_ms: row.fromMs === fromMs,
    to_ms: row.toMs === toMs,
    new_label_id: row.label === (label ?? null) && (row.labelId === null) === (label === undefined),
    owner_id: owners.fits(row.ownerId, ownerKey, row, then),
    new_owner_id: owners.fits(row.newOwnerId, newOwnerKey, row, then),
    last_sequence: then.isExact
      ? row.lastSequence === then.slices
      : row.lastSequence >= 0 && row.lastSequence <= then.slices,
  };
  const other = Object.entries(fits).find(([, isSame]) => !isSame)?.[0];
  return other && `its ${other} is not what its act says`;
}

interface Owners {
  /** Whether a number is that of the owner whom an act names. */
  fits: (id: number | null, key: ActOf<"correction">["ownerKey"], row: Row, then: Then) => boolean;
}

interface OwnerRow {
  id: number;
  key: string;
  erased: number;
}

/**
 * An erasure gives an owner and the acts that name him the same new name. One that takes older
 * records alone may leave the one or the other as it was: then the name tells no more than the kind
 * of owner and, of a unit or a job, the part of it that names nobody.
 */
function createOwners(db: Database): Owners {
  const byKey = db.prepare<[string], OwnerRow>("SELECT id, key, erased FROM owners WHERE key = ?");
  const byId = db.prepare<[number], OwnerRow>("SELECT id, key, erased FROM owners WHERE id = ?");
  return {
    fits: (id, key, { actSequence, erased }, then) => {
      if (id === null || key === undefined) return id === null && key === undefined;
      const stored = ownerKeyFilter(key);
      const named = byKey.get(stored);
      if (id > then.owners) return false;
      if (named?.id === id) return true;
      // Who came by that name later is somebody else.
      if (named && then.isExact && named.id <= then.owners) return false;
      const owner = byId.get(id);
      if (!owner) return false;
      if (erased === 0 && owner.erased <= actSequence) return false;
      const kind = parseOwnerKey(owner.key)?.kind;
      if (kind === undefined || kind !== parseOwnerKey(stored)?.kind) return false;
      return isErasedFrom(owner.key, stored) || isErasedFrom(stored, owner.key);
    },
  };
}
