import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Incident } from "../model/incident.ts";
import type { ContextObservation } from "../model/observation.ts";
import type { Window } from "../model/window.ts";
import type { KnownOwner, KnownProcess } from "./contract.ts";
import { incidentSchema } from "./records.ts";
import { json, ownerKeyFilter } from "./row.ts";
import { contextObservationSchema, knownOwnerSchema, knownProcessSchema } from "./who-records.ts";

const INCIDENT_HISTORY = `
  SELECT json FROM incident_states WHERE incident_id = ? ORDER BY sequence`;

const OWNERS = `
  SELECT json FROM owner_states
  WHERE sequence IN (SELECT max(sequence) FROM owner_states GROUP BY owner_key) ORDER BY owner_key`;

const PROCESSES = `
  SELECT json FROM processes
  WHERE first_seen_ms < @toMs AND (@ownerKey IS NULL OR owner_key = @ownerKey)
  ORDER BY first_seen_ms DESC, sequence DESC LIMIT @limit`;

/** A context without an end goes on, as far as anybody knows. */
const CONTEXTS = `
  SELECT json FROM contexts c
  WHERE from_ms < @toMs AND (to_ms IS NULL OR to_ms >= @fromMs)
    AND (context_id IS NULL OR sequence = (
      SELECT max(sequence) FROM contexts WHERE context_id = c.context_id))
  ORDER BY from_ms, sequence LIMIT @limit`;

export function incidentHistory(db: Database, id: string): Incident[] {
  return z.array(json(incidentSchema)).parse(db.prepare(INCIDENT_HISTORY).pluck().all(id));
}

export function owners(db: Database): KnownOwner[] {
  return z.array(json(knownOwnerSchema)).parse(db.prepare(OWNERS).pluck().all());
}

export function processes(
  db: Database,
  query: { ownerKey?: string | undefined; toMs: number; limit: number },
): KnownProcess[] {
  const ownerKey = query.ownerKey === undefined ? null : ownerKeyFilter(query.ownerKey);
  const rows = db
    .prepare(PROCESSES)
    .pluck()
    .all({ ...query, ownerKey });
  return z.array(json(knownProcessSchema)).parse(rows);
}

export function contexts(db: Database, query: Window & { limit: number }): ContextObservation[] {
  const { fromMs, toMs, limit } = query;
  const rows = db.prepare(CONTEXTS).pluck().all({ fromMs, toMs, limit });
  return z.array(json(contextObservationSchema)).parse(rows);
}
