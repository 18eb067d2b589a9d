import type { Database } from "better-sqlite3";
import type { LedgerBatch } from "./contract.ts";
import { sealedJson } from "./seal.ts";

const INSERT_OWNER = `
  INSERT INTO owner_states (owner_key, at_ms, json, salt, seal)
  SELECT @key, @atMs, @json, @salt, @seal
  WHERE @json IS NOT (
    SELECT json FROM owner_states WHERE owner_key = @key ORDER BY sequence DESC LIMIT 1)`;

const INSERT_PROCESS = `
  INSERT INTO processes (owner_key, pid, start_ms, first_seen_ms, json, salt, seal)
  SELECT @ownerKey, @pid, @startMs, @firstSeenMs, @json, @salt, @seal
  WHERE NOT EXISTS (SELECT 1 FROM processes WHERE pid = @pid AND start_ms IS @startMs AND json = @json)`;

const INSERT_CONTEXT = `
  INSERT INTO contexts (context_id, from_ms, to_ms, json, salt, seal)
  SELECT @id, @fromMs, @toMs, @json, @salt, @seal
  WHERE NOT EXISTS (
    SELECT 1 FROM contexts WHERE from_ms = @fromMs AND context_id IS @id AND json = @json)`;

/** Writes owners, processes and contexts. What is there already, just as it is, is not written twice. */
export function createWhoWriter(db: Database): (batch: LedgerBatch) => void {
  const owner = db.prepare(INSERT_OWNER);
  const process = db.prepare(INSERT_PROCESS);
  const context = db.prepare(INSERT_CONTEXT);
  return ({ owners = [], processes = [], contexts = [] }) => {
    for (const { key, atMs, ...known } of owners)
      owner.run({ key, atMs, ...sealedJson({ ...known, key, atMs }) });
    for (const each of processes) {
      const { ownerKey, pid, startTimeMs, firstSeenMs } = each;
      const startMs = startTimeMs ?? null;
      process.run({ ownerKey, pid, startMs, firstSeenMs, ...sealedJson(each) });
    }
    for (const each of contexts) {
      const { id, fromMs, toMs } = each;
      context.run({ id: id ?? null, fromMs, toMs: toMs ?? null, ...sealedJson(each) });
    }
  };
}
