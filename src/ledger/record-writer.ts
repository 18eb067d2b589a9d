import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Act } from "./acts.ts";
import type { GapRecord, KnownGpu, LedgerBatch, OutboxMessage } from "./contract.ts";
import { createErase } from "./privacy/erase.ts";
import { flag } from "./row.ts";
import { sealedJson } from "./seal.ts";
import { createWhoWriter } from "./who-writer.ts";

/** A description follows the device; when it was first seen, and that it was simulated, stay. */
const UPSERT_GPU = `
  INSERT INTO gpus (uuid, node, idx, model, memory_total_bytes, power_limit_watts, pci_bus_id,
    driver_version, parent_uuid, mig_profile, first_seen_ms, simulated)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (uuid) DO UPDATE SET
    node = excluded.node, idx = excluded.idx, model = excluded.model,
    memory_total_bytes = excluded.memory_total_bytes,
    power_limit_watts = excluded.power_limit_watts, pci_bus_id = excluded.pci_bus_id,
    driver_version = excluded.driver_version, parent_uuid = excluded.parent_uuid,
    mig_profile = excluded.mig_profile, first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
    simulated = max(simulated, excluded.simulated)
  RETURNING first_seen_ms AS firstSeenMs, simulated`;

/** Of a device's states each is a record; the last one is what `gpus` has. */
const INSERT_GPU_STATE = `
  INSERT INTO gpu_states (uuid, json)
  SELECT @uuid, @json
  WHERE @json IS NOT (SELECT json FROM gpu_states WHERE uuid = @uuid ORDER BY sequence DESC LIMIT 1)`;

const INSERT_ACT = `
  INSERT INTO acts (kind, id, at_ms, json, salt, seal)
  SELECT @kind, @id, @atMs, @json, @salt, @seal
  WHERE NOT EXISTS (SELECT 1 FROM acts WHERE kind = @kind AND id = @id AND json = @json)`;

const INSERT_GAP = `
  INSERT INTO gaps (node, gpu_uuid, source, from_ms, to_ms, reason)
  SELECT @node, @gpuUuid, @source, @fromMs, @toMs, @reason
  WHERE NOT EXISTS (
    SELECT 1 FROM gaps WHERE from_ms = @fromMs AND to_ms = @toMs AND node = @node
      AND gpu_uuid IS @gpuUuid AND source = @source AND reason = @reason)`;

const INSERT_INCIDENT = `
  INSERT INTO incident_states (incident_id, state, updated_at_ms, json, salt, seal)
  SELECT @id, @state, @updatedAtMs, @json, @salt, @seal
  WHERE @json IS NOT (
    SELECT json FROM incident_states WHERE incident_id = @id ORDER BY sequence DESC LIMIT 1)`;

const INSERT_CALIBRATION = `
  INSERT INTO calibrations (gpu_uuid, kernel, json)
  SELECT @gpuUuid, @kernel, @json
  WHERE @json IS NOT (
    SELECT json FROM calibrations WHERE gpu_uuid = @gpuUuid AND kernel = @kernel
    ORDER BY sequence DESC LIMIT 1)`;

const INSERT_MESSAGE = `
  INSERT INTO outbox (id, endpoint, type, body, created_at_ms, next_attempt_at_ms)
  VALUES (@id, @endpoint, @type, @body, @createdAtMs, @createdAtMs)
  ON CONFLICT (id, endpoint) DO NOTHING`;

/** What a device's row keeps of its earlier descriptions. */
const keptRow = z.object({ firstSeenMs: z.int(), simulated: flag });

export interface RecordWriter {
  gpu(gpu: KnownGpu): void;
  others(batch: LedgerBatch): void;
}

/** Writes all but slices. What is there already, just as it is, is not written twice. */
export function createRecordWriter(db: Database): RecordWriter {
  const gpu = db.prepare(UPSERT_GPU);
  const gpuState = db.prepare(INSERT_GPU_STATE);
  const act = db.prepare(INSERT_ACT);
  const gap = db.prepare(INSERT_GAP);
  const incident = db.prepare(INSERT_INCIDENT);
  const calibration = db.prepare(INSERT_CALIBRATION);
  const message = db.prepare(INSERT_MESSAGE);
  const who = createWhoWriter(db);
  const putAct = (each: Act): void => {
    const { kind, id, atMs } = each;
    act.run({ kind, id, atMs, ...sealedJson(each) });
  };
  const erase = createErase(db, putAct);
  return {
    gpu(known) {
      const kept = keptRow.parse(gpu.get(...gpuValues(known)));
      gpuState.run({ uuid: known.uuid, json: JSON.stringify({ ...known, ...kept }) });
    },
    others(batch) {
      for (const each of batch.gaps ?? []) gap.run(gapValues(each));
      for (const each of batch.incidents ?? []) {
        const { id, state, updatedAtMs } = each;
        incident.run({ id, state, updatedAtMs, ...sealedJson(each) });
      }
      who(batch);
      for (const each of batch.acts ?? []) {
        if (each.kind === "erasure") erase(each);
        else putAct(each);
      }
      for (const each of batch.outbox ?? []) message.run(messageValues(each));
      for (const each of batch.calibrations ?? []) {
        const { gpuUuid, kernel } = each;
        calibration.run({ gpuUuid, kernel, json: JSON.stringify(each) });
      }
    },
  };
}

function gpuValues(gpu: KnownGpu): unknown[] {
  return [
    gpu.uuid,
    gpu.node,
    gpu.index,
    gpu.model,
    gpu.memoryTotalBytes ?? null,
    gpu.powerLimitWatts ?? null,
    gpu.pciBusId ?? null,
    gpu.driverVersion ?? null,
    gpu.parentUuid ?? null,
    gpu.migProfile ?? null,
    gpu.firstSeenMs,
    gpu.simulated ? 1 : 0,
  ];
}

function gapValues({ node, gpuUuid, source, fromMs, toMs, reason }: GapRecord): object {
  return { node, gpuUuid: gpuUuid ?? null, source, fromMs, toMs, reason };
}

function messageValues({ id, endpoint, type, body, createdAtMs }: OutboxMessage): object {
  return { id, endpoint, type, body, createdAtMs };
}
