import type { Database } from "better-sqlite3";
import type { Calibration } from "../model/calibration.ts";
import type { Incident } from "../model/incident.ts";
import { type Segment, toSegments } from "../model/slice.ts";
import type { Window } from "../model/window.ts";
import type {
  DeliveryOutcome,
  GapRecord,
  KnownGpu,
  OutboxEntry,
  SliceQuery,
  StoredSlice,
  UsageRow,
} from "./contract.ts";
import {
  calibrationBody,
  gapRow,
  incidentBody,
  toGpu,
  toOutboxEntry,
  toSlice,
  toUsage,
} from "./rows.ts";
import { z } from "zod";

const SLICES =
  "SELECT slices.*, evidence.body AS evidence FROM slices JOIN evidence ON evidence.id = evidence_id";
const DEFAULT_LIMIT = 100_000;

const GPUS = `
  SELECT uuid, node, gpu_index AS "index", model, memory_total_bytes AS memoryTotalBytes,
    power_limit_watts AS powerLimitWatts, pci_bus_id AS pciBusId, driver_version AS driverVersion,
    parent_uuid AS parentUuid, mig_profile AS migProfile, first_seen_ms AS firstSeenMs, simulated
  FROM gpus ORDER BY node, gpu_index, uuid`;

const USAGE = `
  SELECT gpu_uuid AS gpuUuid, owner_key AS ownerKey, label, sum(time_ms) AS timeMs,
    total(energy_mj) AS energyMj, count(*) AS sliceCount, max(simulated) AS simulated,
    sum(CASE WHEN energy_mj IS NULL THEN time_ms ELSE 0 END) AS energyUnmeasuredMs
  FROM slices WHERE from_ms >= ? AND to_ms <= ?
  GROUP BY gpu_uuid, owner_key, label ORDER BY gpu_uuid, owner_key, label`;

const OUTBOX = `
  SELECT id, endpoint, type, body, created_at_ms AS createdAtMs, attempts,
    next_attempt_at_ms AS nextAttemptAtMs, state, last_error AS lastError
  FROM outbox WHERE state = 'due' AND next_attempt_at_ms <= ? ORDER BY created_at_ms, rowid LIMIT ?`;

export function slices(db: Database, query: SliceQuery): StoredSlice[] {
  const rows = db
    .prepare(
      `${SLICES} WHERE to_ms > @fromMs AND from_ms < @toMs AND sequence > @after
         AND (@gpuUuid IS NULL OR gpu_uuid = @gpuUuid)
         AND (@ownerKey IS NULL OR owner_key = @ownerKey)
         AND (@label IS NULL OR label = @label)
       ORDER BY sequence LIMIT @limit`,
    )
    .all({
      fromMs: query.fromMs,
      toMs: query.toMs,
      after: query.afterSequence ?? 0,
      gpuUuid: query.gpuUuid ?? null,
      ownerKey: query.ownerKey ?? null,
      label: query.label ?? null,
      limit: query.limit ?? DEFAULT_LIMIT,
    });
  return rows.map(toSlice);
}

export function segments(db: Database, query: Omit<SliceQuery, "afterSequence">): Segment[] {
  const { limit, ...rest } = query;
  return toSegments(slices(db, rest)).slice(0, limit);
}

export function usage(db: Database, window: Window): UsageRow[] {
  return db.prepare(USAGE).all(window.fromMs, window.toMs).map(toUsage);
}

export function straddling(db: Database, atMs: number): StoredSlice[] {
  const rows = db.prepare(`${SLICES} WHERE from_ms < ? AND to_ms > ? ORDER BY sequence`);
  return rows.all(atMs, atMs).map(toSlice);
}

export function gpus(db: Database): KnownGpu[] {
  return db.prepare(GPUS).all().map(toGpu);
}

export function gaps(db: Database, window: Window): GapRecord[] {
  const rows = db
    .prepare(
      `SELECT node, gpu_uuid AS gpuUuid, source, reason, from_ms AS fromMs, to_ms AS toMs
       FROM gaps WHERE to_ms > ? AND from_ms < ? ORDER BY from_ms, id`,
    )
    .all(window.fromMs, window.toMs);
  return z.array(gapRow).parse(rows);
}

export function incidents(
  db: Database,
  query: { open?: boolean | undefined; limit?: number | undefined },
): Incident[] {
  const rows = db
    .prepare(
      `SELECT body FROM incident_states WHERE id IN (SELECT max(id) FROM incident_states GROUP BY incident_id)
         AND (@open = 0 OR state != 'resolved') ORDER BY id DESC LIMIT @limit`,
    )
    .pluck()
    .all({ open: query.open ? 1 : 0, limit: query.limit ?? DEFAULT_LIMIT });
  return z.array(incidentBody).parse(rows);
}

export function calibrations(db: Database): Calibration[] {
  const rows = db
    .prepare(
      "SELECT body FROM calibrations WHERE id IN (SELECT max(id) FROM calibrations GROUP BY gpu_uuid, kernel)",
    )
    .pluck()
    .all();
  return z.array(calibrationBody).parse(rows);
}

const extentRow = z.object({ fromMs: z.number().nullable(), toMs: z.number().nullable() });

export function extent(db: Database): Window | undefined {
  const row = extentRow.parse(
    db.prepare("SELECT min(from_ms) AS fromMs, max(to_ms) AS toMs FROM slices").get(),
  );
  return row.fromMs === null || row.toMs === null
    ? undefined
    : { fromMs: row.fromMs, toMs: row.toMs };
}

export function lastSliceEnds(db: Database): Map<string, number> {
  const rows = db.prepare("SELECT gpu_uuid, max(to_ms) FROM slices GROUP BY gpu_uuid").raw().all();
  return new Map(z.array(z.tuple([z.string(), z.number()])).parse(rows));
}

export function due(db: Database, nowMs: number, limit: number): OutboxEntry[] {
  return db.prepare(OUTBOX).all(nowMs, limit).map(toOutboxEntry);
}

export function settle(db: Database, id: string, endpoint: string, outcome: DeliveryOutcome): void {
  const retry = outcome.state === "retry";
  db.prepare(
    `UPDATE outbox SET attempts = attempts + 1, state = @state, last_error = @error,
       next_attempt_at_ms = coalesce(@nextMs, next_attempt_at_ms)
     WHERE id = @id AND endpoint = @endpoint`,
  ).run({
    id,
    endpoint,
    state: retry ? "due" : outcome.state,
    error: "error" in outcome ? outcome.error : null,
    nextMs: retry ? outcome.nextAttemptAtMs : null,
  });
}

const statusRow = z.object({
  due: z.number(),
  delivered: z.number(),
  dead: z.number(),
  nextAtMs: z
    .number()
    .nullable()
    .transform((value) => value ?? undefined),
});

export function outboxStatus(db: Database): z.infer<typeof statusRow> {
  return statusRow.parse(
    db
      .prepare(
        `SELECT count(*) FILTER (WHERE state = 'due') AS due,
           count(*) FILTER (WHERE state = 'delivered') AS delivered,
           count(*) FILTER (WHERE state = 'dead') AS dead,
           min(next_attempt_at_ms) FILTER (WHERE state = 'due') AS nextAtMs
         FROM outbox`,
      )
      .get(),
  );
}
