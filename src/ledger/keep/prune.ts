import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { PruneRequest, PruneStep } from "../contract.ts";
import { PRUNED_KEY, prunedBeforeMs } from "../rollup/pruned.ts";
import { type Checkpoint, newestCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { EvidenceSweep } from "./evidence.ts";
import { nextReach, oldestMs, type Reach, wholeReach } from "./reach.ts";
import { removeEntries, removeRows } from "./remove.ts";

const ROWS_A_STEP = 5000;
/** Of the ledger's bound: from here on the oldest detail goes before its age is reached. */
const CROWDED = 0.9;
const DAY_MS = 86_400_000;
/** The row of `meta` that says up to where evidence has not been looked through yet. */
const UNSWEPT = "unsweptEvidence";

const OUTBOX = `
  DELETE FROM outbox WHERE rowid IN (
    SELECT rowid FROM outbox WHERE state != 'due' AND settled_at_ms < ? LIMIT ${ROWS_A_STEP})`;
const SEGMENTS = `
  DELETE FROM segments WHERE (gpu_id, owner_id, first_sequence) IN (
    SELECT gpu_id, owner_id, first_sequence FROM segments WHERE to_ms < ? LIMIT ${ROWS_A_STEP})`;
const HASH = "SELECT lower(hex(hash)) FROM chain WHERE sequence = ?";

const hex = z.string();

export interface PrunerOptions {
  /** Signs the head of the chain, inside the transaction: old signatures go with what they signed. */
  sign?: () => void;
}

/**
 * Makes the only remover of rows. Each call is one transaction: what is left of the chain follows
 * from its checkpoint, before and after.
 */
export function createPruner(
  db: Database,
  { sign = () => {} }: PrunerOptions = {},
): (request: PruneRequest) => PruneStep {
  let sweep: EvidenceSweep | undefined;
  const sweepStep = (nowMs: number): PruneStep | undefined => {
    const upTo = meta(db, UNSWEPT);
    if (upTo === undefined) return undefined;
    if (sweep?.upTo !== upTo) sweep = new EvidenceSweep(db, upTo);
    const mine = sweep;
    sweep = undefined; // one that fails is begun again
    const step = mine.look() ? sweepEvidence(db, mine, nowMs) : { isDone: false, removed: {} };
    sweep = mine;
    return step;
  };
  return (request) => {
    const { nowMs, detailBeforeMs } = request;
    return (
      pruneOutbox(db, request) ??
      pruneSegments(db, request) ??
      pruneDetail(db, nextReach(db, detailBeforeMs), nowMs, sign) ??
      sweepStep(nowMs) ??
      pruneDetail(db, crowdedReach(db, request), nowMs, sign) ?? { isDone: true, removed: {} }
    );
  };
}

/** What would go of the detail by its age, without what rests on it. */
export function prunePlan(db: Database, { detailBeforeMs }: PruneRequest): PruneStep {
  const reach = wholeReach(db, detailBeforeMs);
  if (!reach) return { isDone: true, removed: {} };
  const count = (sql: string, upTo: number): number =>
    z.int().parse(db.prepare(sql).pluck().get(upTo));
  const slices = count("SELECT count(*) FROM slices WHERE sequence <= ?", reach.ends.slices);
  const chain = count("SELECT count(*) FROM chain WHERE sequence <= ?", reach.chainSequence);
  return { isDone: false, beforeMs: reach.beforeMs, removed: { slices, chain } };
}

function pruneOutbox(db: Database, { outboxBeforeMs }: PruneRequest): PruneStep | undefined {
  const { changes } = db.prepare(OUTBOX).run(outboxBeforeMs);
  return changes === 0 ? undefined : { isDone: false, removed: { outbox: changes } };
}

function pruneSegments(db: Database, { segmentsBeforeMs }: PruneRequest): PruneStep | undefined {
  const { changes } = db.prepare(SEGMENTS).run(segmentsBeforeMs);
  return changes === 0 ? undefined : { isDone: false, removed: { segments: changes } };
}

function pruneDetail(
  db: Database,
  reach: Reach | undefined,
  nowMs: number,
  sign: () => void,
): PruneStep | undefined {
  if (!reach) return undefined;
  const { chainSequence, beforeMs, ends } = reach;
  return inTransaction(db, () => {
    const chainHash = hex.parse(db.prepare(HASH).pluck().get(chainSequence));
    const removed = removeRows(db, reach);
    // Never back: time that was closed once is closed.
    const closedMs = Math.max(beforeMs, newestCheckpoint(db)?.beforeMs ?? beforeMs);
    writeCheckpoint(db, { chainSequence, chainHash, beforeMs: closedMs, removed }, nowMs);
    sign();
    removeEntries(db, chainSequence);
    setMeta(db, PRUNED_KEY, closedMs);
    if (ends.evidence > 0) setMeta(db, UNSWEPT, ends.evidence);
    return { isDone: false, beforeMs: closedMs, removed };
  });
}

function sweepEvidence(db: Database, sweep: EvidenceSweep, nowMs: number): PruneStep {
  return inTransaction(db, () => {
    const last = newestCheckpoint(db);
    const { removed: evidence, isDone } = sweep.sweep();
    if (last && evidence > 0) again(db, last, { evidence }, nowMs);
    if (isDone) db.prepare("DELETE FROM meta WHERE key = ?").run(UNSWEPT);
    return { isDone: false, removed: { evidence } };
  });
}

/** The same end of what was removed, with less kept. */
function again(
  db: Database,
  { chainSequence, chainHash, beforeMs }: Checkpoint,
  removed: Record<string, number>,
  nowMs: number,
): void {
  writeCheckpoint(db, { chainSequence, chainHash, beforeMs, removed }, nowMs);
}

/** A day of detail more than its age asks for, while the ledger is nearly full. */
function crowdedReach(db: Database, { maxBytes, nowMs }: PruneRequest): Reach | undefined {
  if (maxBytes === undefined || usedBytes(db) <= CROWDED * maxBytes) return undefined;
  const oldest = oldestMs(db, prunedBeforeMs(db));
  if (oldest === undefined) return undefined;
  return nextReach(db, Math.min(oldest + DAY_MS, nowMs - DAY_MS));
}

function usedBytes(db: Database): number {
  const value = (name: string): number => z.int().parse(db.pragma(name, { simple: true }));
  return (value("page_count") - value("freelist_count")) * value("page_size");
}

/** A look for slices of each row of evidence would take longer than all the rest. */
function inTransaction<T>(db: Database, work: () => T): T {
  db.pragma("foreign_keys = OFF");
  try {
    return db.transaction(work).immediate();
  } finally {
    db.pragma("foreign_keys = ON");
  }
}

function meta(db: Database, key: string): number | undefined {
  const found = db.prepare("SELECT value FROM meta WHERE key = ?").pluck().get(key);
  return found === undefined ? undefined : z.int().parse(found);
}

function setMeta(db: Database, key: string, value: number): void {
  db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, value);
}
