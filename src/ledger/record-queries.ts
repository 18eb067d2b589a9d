import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Calibration } from "../model/calibration.ts";
import type { Incident } from "../model/incident.ts";
import type { Window } from "../model/window.ts";
import { actSchema } from "./acts.ts";
import type { ActQuery, GapRecord, ListedGpu, StoredAct } from "./contract.ts";
import { calibrationSchema, incidentSchema } from "./records.ts";
import { absent, flag, json } from "./row.ts";

const GPUS = `
  SELECT uuid, node, idx AS "index", model, memory_total_bytes AS memoryTotalBytes,
    power_limit_watts AS powerLimitWatts, pci_bus_id AS pciBusId, driver_version AS driverVersion,
    parent_uuid AS parentUuid, mig_profile AS migProfile, first_seen_ms AS firstSeenMs, simulated,
    (SELECT json_extract(json, '$.fromMs') FROM acts
      WHERE kind = 'retirement' AND json_extract(json, '$.gpuUuid') = uuid
        AND json_extract(json, '$.fromMs') >= coalesce(
          (SELECT max(to_ms) FROM coverage WHERE gpu_id = gpus.id), first_seen_ms)
      ORDER BY sequence DESC LIMIT 1) AS retiredAtMs
  FROM gpus ORDER BY node, idx, uuid`;

const gpuRow = z.object({
  uuid: z.string(),
  node: z.string(),
  index: z.int(),
  model: z.string(),
  memoryTotalBytes: absent(z.int()),
  powerLimitWatts: absent(z.number()),
  pciBusId: absent(z.string()),
  driverVersion: absent(z.string()),
  parentUuid: absent(z.string()),
  migProfile: absent(z.string()),
  firstSeenMs: z.int(),
  simulated: flag,
  retiredAtMs: absent(z.int()),
});

/** A step of the clock may have no length: it counts where it lies. */
const GAPS = `
  SELECT node, gpu_uuid AS gpuUuid, source, from_ms AS fromMs, to_ms AS toMs, reason FROM gaps
  WHERE from_ms < @toMs AND (to_ms > @fromMs OR from_ms >= @fromMs) ORDER BY from_ms, sequence`;

const gapRow = z.object({
  node: z.string(),
  gpuUuid: absent(z.string()),
  source: z.string(),
  fromMs: z.int(),
  toMs: z.int(),
  reason: z.string(),
});

const INCIDENTS = `
  SELECT json FROM incidents WHERE @open IS NULL OR (state != 'resolved') = @open
  ORDER BY updated_at_ms DESC, sequence DESC LIMIT @limit`;

const CALIBRATIONS = `
  SELECT json FROM calibrations
  WHERE sequence IN (SELECT max(sequence) FROM calibrations GROUP BY gpu_uuid, kernel)
  ORDER BY gpu_uuid, kernel`;

const CALIBRATION_HISTORY = `
  SELECT json FROM calibrations WHERE @gpuUuid IS NULL OR gpu_uuid = @gpuUuid ORDER BY sequence`;

/** Of all slices that ever were: what retention removed was there. */
const LAST_ENDS = `
  SELECT uuid, (
    SELECT to_ms FROM coverage WHERE gpu_id = gpus.id ORDER BY from_ms DESC LIMIT 1) AS endMs
  FROM gpus WHERE endMs IS NOT NULL`;

const EXTENT = "SELECT min(from_ms) AS fromMs, max(to_ms) AS toMs FROM coverage";

const extentRow = z.object({ fromMs: z.int().nullable(), toMs: z.int().nullable() });

const ACTS = `
  SELECT sequence, CASE WHEN @brief AND kind = 'report'
    THEN json_remove(json_set(json, '$.document', ''), '$.prices') ELSE json END AS json
  FROM acts
  WHERE (@kind IS NULL OR kind = @kind) AND (@id IS NULL OR id = @id) ORDER BY sequence`;

const actRow = z.object({ sequence: z.int(), json: json(actSchema) });

/** Acts by sequence; of one kind, of one id. */
export function acts(db: Database, { kind, id, brief = false }: ActQuery): StoredAct[] {
  const query = { kind: kind ?? null, id: id ?? null, brief: Number(brief) };
  const rows = db.prepare(ACTS).all(query);
  return z
    .array(actRow)
    .parse(rows)
    .map(({ sequence, json: act }) => ({ ...act, sequence }));
}

export function gpus(db: Database): ListedGpu[] {
  return z.array(gpuRow).parse(db.prepare(GPUS).all());
}

/** Gaps that touch the window. */
export function gaps(db: Database, { fromMs, toMs }: Window): GapRecord[] {
  return z.array(gapRow).parse(db.prepare(GAPS).all({ fromMs, toMs }));
}

export function incidents(
  db: Database,
  query: { open?: boolean | undefined; limit?: number | undefined },
): Incident[] {
  const open = query.open === undefined ? null : Number(query.open);
  const rows = db
    .prepare(INCIDENTS)
    .pluck()
    .all({ open, limit: query.limit ?? -1 });
  return z.array(json(incidentSchema)).parse(rows);
}

export function calibrations(db: Database): Calibration[] {
  return z.array(json(calibrationSchema)).parse(db.prepare(CALIBRATIONS).pluck().all());
}

export function calibrationHistory(
  db: Database,
  { gpuUuid }: { gpuUuid?: string | undefined },
): Calibration[] {
  const rows = db
    .prepare(CALIBRATION_HISTORY)
    .pluck()
    .all({ gpuUuid: gpuUuid ?? null });
  return z.array(json(calibrationSchema)).parse(rows);
}

export function extent(db: Database): Window | undefined {
  const { fromMs, toMs } = extentRow.parse(db.prepare(EXTENT).get());
  return fromMs === null || toMs === null ? undefined : { fromMs, toMs };
}

export function lastSliceEnds(db: Database): Map<string, number> {
  const rows = db.prepare(LAST_ENDS).raw().all();
  return new Map(z.array(z.tuple([z.string(), z.int()])).parse(rows));
}
