import type { Database, Statement } from "better-sqlite3";
import { ownerKey } from "../model/owner.ts";
import { brokenShareLaw, type Slice } from "../model/slice.ts";
import { sanitize } from "../model/text.ts";
import type { GapRecord, KnownGpu, LedgerBatch, OutboxMessage } from "./contract.ts";

const INSERT_GPU = `
  INSERT INTO gpus VALUES (@uuid, @node, @index, @model, @memoryTotalBytes, @powerLimitWatts,
    @pciBusId, @driverVersion, @parentUuid, @migProfile, @firstSeenMs, @simulated)
  ON CONFLICT (uuid) DO UPDATE SET gpu_index = excluded.gpu_index, node = excluded.node,
    driver_version = excluded.driver_version, power_limit_watts = excluded.power_limit_watts`;

const INSERT_SLICE = `
  INSERT INTO slices (node, gpu_uuid, from_ms, to_ms, owner_key, time_ms, energy_mj, basis, label,
    confidence, evidence_id, model_version, agent_version, simulated)
  VALUES (@node, @gpuUuid, @fromMs, @toMs, @ownerKey, @timeMs, @energyMj, @basis, @label,
    @confidence, @evidenceId, @modelVersion, @agentVersion, @simulated)`;

/** Writes batches: one batch is one transaction, and its laws are checked before anything is kept. */
export class BatchAppender {
  private readonly statements: Record<string, Statement>;
  private readonly write: (batch: LedgerBatch) => void;

  constructor(db: Database) {
    this.statements = {
      gpu: db.prepare(INSERT_GPU),
      slice: db.prepare(INSERT_SLICE),
      lastEnd: db.prepare("SELECT max(to_ms) AS toMs FROM slices WHERE gpu_uuid = ?").pluck(),
      findEvidence: db.prepare("SELECT id FROM evidence WHERE body = ?").pluck(),
      evidence: db.prepare("INSERT INTO evidence (body) VALUES (?)"),
      gap: db.prepare(
        "INSERT INTO gaps (node, gpu_uuid, source, reason, from_ms, to_ms) VALUES (?, ?, ?, ?, ?, ?)",
      ),
      incident: db.prepare(
        "INSERT INTO incident_states (incident_id, state, body) VALUES (?, ?, ?)",
      ),
      outbox: db.prepare(
        `INSERT INTO outbox (id, endpoint, type, body, created_at_ms, next_attempt_at_ms)
         VALUES (@id, @endpoint, @type, @body, @createdAtMs, @createdAtMs)
         ON CONFLICT (id, endpoint) DO NOTHING`,
      ),
      calibration: db.prepare("INSERT INTO calibrations (gpu_uuid, kernel, body) VALUES (?, ?, ?)"),
    };
    this.write = db.transaction((batch: LedgerBatch) => this.writeAll(batch)).immediate;
  }

  /** Durable when this returns. @throws RangeError for a batch that breaks a law: nothing is kept */
  append(batch: LedgerBatch): void {
    this.write(batch);
  }

  private run(name: string, ...values: unknown[]): number {
    return Number(this.statements[name]?.run(...values).lastInsertRowid ?? 0);
  }

  private writeAll(batch: LedgerBatch): void {
    for (const gpu of batch.gpus ?? []) this.run("gpu", gpuValues(gpu));
    for (const window of byWindow(batch.slices ?? [])) this.writeWindow(window);
    for (const gap of batch.gaps ?? []) this.run("gap", ...gapValues(gap));
    for (const incident of batch.incidents ?? [])
      this.run("incident", incident.id, incident.state, JSON.stringify(incident));
    for (const message of batch.outbox ?? []) this.run("outbox", outboxValues(message));
    for (const calibration of batch.calibrations ?? [])
      this.run("calibration", calibration.gpuUuid, calibration.kernel, JSON.stringify(calibration));
  }

  private writeWindow(slices: readonly Slice[]): void {
    const [first] = slices;
    if (!first) return;
    const name = `${first.gpuUuid} [${first.fromMs}, ${first.toMs})`;
    const broken = brokenShareLaw(
      first,
      slices.map((slice) => ({ ...slice, pids: [] })),
    );
    if (broken) throw new RangeError(`window ${name}: ${broken}`);
    const lastEnd: unknown = this.statements["lastEnd"]?.get(first.gpuUuid);
    if (typeof lastEnd === "number" && first.fromMs < lastEnd)
      throw new RangeError(`window ${name} overlaps what is stored up to ${lastEnd}`);
    for (const slice of slices) this.run("slice", this.sliceValues(slice));
  }

  private sliceValues(slice: Slice): Record<string, unknown> {
    const { node, gpuUuid, fromMs, toMs, timeMs, basis, label, confidence } = slice;
    const { modelVersion, agentVersion } = slice;
    return {
      ...{ node, gpuUuid, fromMs, toMs, timeMs, basis, label, confidence },
      ...{ modelVersion, agentVersion },
      ownerKey: sanitize(ownerKey(slice.owner)),
      energyMj: slice.energyMj ?? null,
      evidenceId: this.evidenceId(JSON.stringify(slice.evidence)),
      simulated: slice.simulated ? 1 : 0,
    };
  }

  private evidenceId(body: string): number {
    const known: unknown = this.statements["findEvidence"]?.get(body);
    return typeof known === "number" ? known : this.run("evidence", body);
  }
}

/** The slices of each device's window together, in time order, so that none overlaps the one before. */
function byWindow(slices: readonly Slice[]): Slice[][] {
  const windows = new Map<string, Slice[]>();
  for (const slice of slices) {
    const key = `${slice.gpuUuid} ${slice.fromMs} ${slice.toMs}`;
    const window = windows.get(key);
    if (window) window.push(slice);
    else windows.set(key, [slice]);
  }
  return [...windows.values()].sort((a, b) => (a[0]?.fromMs ?? 0) - (b[0]?.fromMs ?? 0));
}

function gpuValues(gpu: KnownGpu): Record<string, unknown> {
  const optional = ["memoryTotalBytes", "powerLimitWatts", "pciBusId", "driverVersion"] as const;
  const absent = Object.fromEntries(
    [...optional, "parentUuid" as const, "migProfile" as const].map((key) => [
      key,
      gpu[key] ?? null,
    ]),
  );
  return { ...gpu, ...absent, simulated: gpu.simulated ? 1 : 0 };
}

function gapValues(gap: GapRecord): unknown[] {
  const { node, gpuUuid, source, reason, fromMs, toMs } = gap;
  return [node, gpuUuid ?? null, source, sanitize(reason), fromMs, toMs];
}

function outboxValues({ id, endpoint, type, body, createdAtMs }: OutboxMessage): object {
  return { id, endpoint, type, body, createdAtMs };
}
