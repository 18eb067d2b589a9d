import type { Database } from "better-sqlite3";
import { z } from "zod";
import { type ActOf, actSchema } from "../acts.ts";
import { createChainWriter } from "../chain/chain.ts";
import { endsOf, keptDigest } from "../chain/kept.ts";
import { json } from "../row.ts";
import { sealedJson } from "../seal.ts";
import { extendSums, NO_SUMS, type SumsState } from "./sums-digest.ts";

export type Checkpoint = ActOf<"checkpoint">;

const NEWEST = "SELECT json FROM acts WHERE kind = 'checkpoint' ORDER BY sequence DESC LIMIT 1";
const ALL = "SELECT json FROM acts WHERE kind = 'checkpoint' ORDER BY sequence";
const INSERT = `
  INSERT INTO acts (kind, id, at_ms, json, salt, seal)
  VALUES (@kind, @id, @atMs, @json, @salt, @seal)`;

const row = json(actSchema);

/** The newest one; undefined while nothing was removed. */
export function newestCheckpoint(db: Database): Checkpoint | undefined {
  const found = db.prepare(NEWEST).pluck().get();
  return found === undefined ? undefined : asCheckpoint(found);
}

function asCheckpoint(stored: unknown): Checkpoint {
  const act = row.parse(stored);
  if (act.kind === "checkpoint") return act;
  throw new z.ZodError([]);
}

/**
 * Says what is left of what was removed, as a record of the chain: inside the transaction that
 * removes. Entries up to `chainSequence` are still there.
 */
export function writeCheckpoint(
  db: Database,
  of: Pick<Checkpoint, "chainSequence" | "chainHash" | "beforeMs" | "removed">,
  atMs: number,
): Checkpoint {
  const last = newestCheckpoint(db);
  const before = last ? { beforeMs: last.beforeMs, digest: last.sumsDigest } : NO_SUMS;
  const sums = of.beforeMs > before.beforeMs ? extendSums(db, before, of.beforeMs) : before;
  const act: Checkpoint = {
    kind: "checkpoint",
    id: `checkpoint-${of.chainSequence}-${atMs}`,
    atMs,
    by: "agent",
    reason: "retention",
    ...of,
    sumsDigest: sums.digest,
    keptDigest: keptDigest(db, endsOf(db, of.chainSequence), [sums.digest]),
  };
  const chain = createChainWriter(db);
  const ends = chain.ends();
  db.prepare(INSERT).run({ kind: act.kind, id: act.id, atMs, ...sealedJson(act) });
  chain.extend(ends, atMs);
  return act;
}

/**
 * What the newest checkpoint kept of sums, found again hour by hour: what `keptDigest` takes beside
 * the rows. Of a changed sum it is another text.
 */
export function keptSums(db: Database): string[] {
  let sums: SumsState = NO_SUMS;
  for (const stored of db.prepare(ALL).pluck().all()) {
    const { beforeMs } = asCheckpoint(stored);
    if (beforeMs > sums.beforeMs) sums = extendSums(db, sums, beforeMs);
  }
  return [sums.digest];
}
