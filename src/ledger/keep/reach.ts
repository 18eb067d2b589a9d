import type { Database } from "better-sqlite3";
import { HOUR_MS } from "../../model/hour.ts";
import { parseRanges } from "../chain/entry.ts";
import { endsOf } from "../chain/kept.ts";
import type { Ends } from "../chain/tables.ts";

/** A part at the beginning of the ledger that is to go: whole entries of the chain. */
export interface Reach {
  /** Begin of a UTC hour: slices that end by then go. */
  beforeMs: number;
  /** The last entry of the chain that goes, and the last row of each table that it and those before hold. */
  chainSequence: number;
  ends: Ends;
}

/** Slices in one transaction, or an hour's where those are more. */
const MAX_SLICES = 100_000;

/** The first slice, of any device, that ends after an instant. */
const FIRST_AFTER = `
  SELECT sequence, to_ms AS toMs FROM slices WHERE sequence = (
    SELECT min(first) FROM (
      SELECT min(
        coalesce((SELECT sequence FROM slices WHERE gpu_id = g.id AND from_ms >= @atMs
          ORDER BY from_ms, sequence LIMIT 1), ${Number.MAX_SAFE_INTEGER}),
        coalesce((SELECT min(sequence) FROM slices WHERE gpu_id = g.id AND to_ms > @atMs
          AND from_ms = (SELECT max(from_ms) FROM slices WHERE gpu_id = g.id AND from_ms < @atMs)),
          ${Number.MAX_SAFE_INTEGER})
      ) AS first FROM gpus g))`;

const OLDEST = "SELECT sequence, from_ms AS fromMs FROM slices ORDER BY sequence LIMIT 1";
const NTH = "SELECT from_ms FROM slices WHERE sequence >= ? ORDER BY sequence LIMIT 1";

/** All that may go by `beforeMs`, in one piece; undefined where nothing of the chain may. */
export function wholeReach(db: Database, beforeMs: number): Reach | undefined {
  const atMs = hourBegin(beforeMs);
  return Number.isFinite(atMs) ? reachAt(db, atMs) : undefined;
}

/** The next piece on the way to `beforeMs`. */
export function nextReach(db: Database, beforeMs: number): Reach | undefined {
  const limitMs = hourBegin(beforeMs);
  if (!Number.isFinite(limitMs)) return undefined;
  for (let atMs = Math.min(firstStop(db), limitMs); ;) {
    const reach = reachAt(db, atMs);
    if (reach || atMs >= limitMs) return reach;
    const held = firstAfter(db, atMs);
    // An entry goes as a whole: its last slice says what hour would let it go.
    const nextMs = Math.max(atMs + HOUR_MS, hourEnd(held?.toMs ?? limitMs));
    atMs = Math.min(nextMs, limitMs);
  }
}

/** Begin of the oldest slice that ends after an instant; undefined where there is none. */
export function oldestMs(db: Database, afterMs: number): number | undefined {
  const sql = "SELECT from_ms FROM slices WHERE to_ms > ? ORDER BY sequence LIMIT 1";
  return db.prepare<[number], number>(sql).pluck().get(afterMs);
}

function firstStop(db: Database): number {
  const oldest = db.prepare<[], { sequence: number; fromMs: number }>(OLDEST).get();
  if (!oldest) return Number.POSITIVE_INFINITY;
  const nthMs = db
    .prepare<[number], number>(NTH)
    .pluck()
    .get(oldest.sequence + MAX_SLICES);
  if (nthMs === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(hourBegin(nthMs), hourBegin(oldest.fromMs) + HOUR_MS);
}

function reachAt(db: Database, beforeMs: number): Reach | undefined {
  const chainSequence = lastEntry(db, beforeMs);
  if (chainSequence === undefined) return undefined;
  return { beforeMs, chainSequence, ends: endsOf(db, chainSequence) };
}

/**
 * The last entry before the first one that has to stay. One with slices stays by them, and the one
 * with the newest slice always does: its window stays whole, and its number is not given away again.
 * One without slices stays if it was written at `beforeMs` or later, unless slices that go come
 * after it.
 */
function lastEntry(db: Database, beforeMs: number): number | undefined {
  const newest = db.prepare<[], number | null>("SELECT max(sequence) FROM slices").pluck().get();
  const none = Number.POSITIVE_INFINITY;
  const firstKept = Math.min(firstAfter(db, beforeMs)?.sequence ?? none, newest ?? none);
  const entries = db.prepare<[], { sequence: number; atMs: number; ranges: string }>(
    "SELECT sequence, at_ms AS atMs, ranges FROM chain ORDER BY sequence",
  );
  let [found, isHeld]: [number | undefined, boolean] = [undefined, false];
  for (const { sequence, atMs, ranges } of entries.iterate()) {
    const last = parseRanges(ranges)?.slices?.[1];
    if (last !== undefined && last >= firstKept) break;
    if (last !== undefined) [found, isHeld] = [sequence, false];
    else if (atMs >= beforeMs) isHeld = true;
    else if (!isHeld) found = sequence;
  }
  return found;
}

function firstAfter(db: Database, atMs: number): { sequence: number; toMs: number } | undefined {
  return db
    .prepare<{ atMs: number }, { sequence: number; toMs: number }>(FIRST_AFTER)
    .get({ atMs });
}

function hourBegin(atMs: number): number {
  return Math.floor(atMs / HOUR_MS) * HOUR_MS;
}

function hourEnd(atMs: number): number {
  return Math.ceil(atMs / HOUR_MS) * HOUR_MS;
}
