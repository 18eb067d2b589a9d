import type { Database } from "better-sqlite3";
import { z } from "zod";
import { ownerKey } from "../model/owner.ts";
import { type Segment, type Slice } from "../model/slice.ts";
import type { SliceQuery, StoredSlice } from "./contract.ts";
import { basisSchema, evidenceSchema, labelSchema } from "./records.ts";
import { absent, flag, json, ownerKeyFilter } from "./row.ts";
import { boundsOf } from "./slice-bounds.ts";
import { ownerSchema } from "./who-records.ts";
import type { SlicedWindow } from "./windows.ts";

const SLICE = `
  SELECT s.sequence, g.uuid AS gpuUuid, s.from_ms AS fromMs, s.to_ms AS toMs,
    o.kind AS ownerKind, o.ident AS ownerId, act.id AS act, s.time_ms AS timeMs, s.energy_mj AS energyMj,
    s.idle_energy_mj AS idleEnergyMj,
    label.text AS label, written_label.text AS writtenLabel, written_owner.key AS writtenOwner, basis.text AS basis, s.confidence, e.json AS evidence, node.text AS node,
    model.text AS modelVersion, agent.text AS agentVersion, s.simulated
  FROM slices s
  LEFT JOIN corrected_slices c ON c.slice_sequence = s.sequence
  LEFT JOIN acts act ON act.sequence = c.act_sequence
  JOIN gpus g ON g.id = s.gpu_id
  JOIN owners o ON o.id = coalesce(c.owner_id, s.owner_id)
  JOIN owners written_owner ON written_owner.id = s.owner_id
  JOIN evidence e ON e.id = s.evidence_id
  JOIN texts label ON label.id = coalesce(c.label_id, s.label_id)
  JOIN texts written_label ON written_label.id = s.label_id
  JOIN texts basis ON basis.id = s.basis_id
  JOIN texts node ON node.id = s.node_id
  JOIN texts model ON model.id = s.model_version_id
  JOIN texts agent ON agent.id = s.agent_version_id`;

/** A unary plus keeps the planner from an index: the bounded scan reads pages in their order. */
const TOUCHING = `
  s.sequence BETWEEN @first AND @last AND +s.from_ms < @toMs AND s.to_ms > @fromMs
  AND (@gpuUuid IS NULL OR +s.gpu_id = (SELECT id FROM gpus WHERE uuid = @gpuUuid))
  AND (@ownerKey IS NULL OR coalesce(c.owner_id, s.owner_id) = (SELECT id FROM owners WHERE key = @ownerKey))
  AND (@label IS NULL OR coalesce(c.label_id, s.label_id) = (SELECT id FROM texts WHERE text = @label))`;

const SEGMENTS = `
  SELECT g.uuid AS gpuUuid, o.key AS ownerKey, label.text AS label, n.from_ms AS fromMs,
    n.to_ms AS toMs, n.time_ms AS timeMs, n.energy_mj AS energyMj, n.slice_count AS sliceCount
  FROM segments n JOIN gpus g ON g.id = n.gpu_id JOIN owners o ON o.id = n.owner_id
  JOIN texts label ON label.id = n.label_id
  WHERE n.to_ms > @fromMs AND n.from_ms < @toMs
    AND (@gpuUuid IS NULL OR g.uuid = @gpuUuid) AND (@ownerKey IS NULL OR o.key = @ownerKey)
    AND (@label IS NULL OR label.text = @label)
  ORDER BY gpuUuid, ownerKey, n.first_sequence LIMIT @limit`;

const sliceRow = z
  .object({
    sequence: z.int(),
    gpuUuid: z.string(),
    fromMs: z.int(),
    toMs: z.int(),
    ownerKind: ownerSchema.shape.kind,
    ownerId: z.string(),
    timeMs: z.int(),
    energyMj: absent(z.int()),
    idleEnergyMj: absent(z.int()),
    label: labelSchema,
    act: z.string().nullable(),
    writtenLabel: labelSchema,
    writtenOwner: z.string(),
    basis: basisSchema,
    confidence: z.number(),
    evidence: json(evidenceSchema),
    node: z.string(),
    modelVersion: z.string(),
    agentVersion: z.string(),
    simulated: flag,
  })
  .transform(({ ownerKind, ownerId, act, writtenLabel, writtenOwner, ...rest }): StoredSlice => ({
    ...rest,
    owner: { kind: ownerKind, id: ownerId },
    ...(act === null ? {} : { corrected: { act, label: writtenLabel, ownerKey: writtenOwner } }),
  }));

/** Whole numbers above 2^53 are not exact, and are refused rather than rounded. */
const sums = { timeMs: z.int(), sliceCount: z.int(), label: labelSchema };

const segmentRow: z.ZodType<Segment> = z.object({
  ...sums,
  gpuUuid: z.string(),
  ownerKey: z.string(),
  fromMs: z.int(),
  toMs: z.int(),
  energyMj: absent(z.int()),
});

/** Slices that touch the window, by sequence; all of them unless the query has a limit. */
export function slices(db: Database, query: SliceQuery): StoredSlice[] {
  const bounds = boundsOf(db, query, query.gpuUuid);
  if (!bounds) return [];
  const first = Math.max(bounds.first, (query.afterSequence ?? 0) + 1);
  const values = { ...filters(query), ...bounds, first };
  const sql = `${SLICE} WHERE ${TOUCHING} ORDER BY s.sequence LIMIT @limit`;
  return z.array(sliceRow).parse(db.prepare(sql).all(values));
}

/** Segments that touch the window, whole: what `toSegments` makes of all slices. */
export function segments(db: Database, query: Omit<SliceQuery, "afterSequence">): Segment[] {
  return z.array(segmentRow).parse(db.prepare(SEGMENTS).all(filters(query)));
}

/** Whether the ledger holds just these slices for the device's window. */
export function sameWindow(db: Database, window: SlicedWindow): boolean {
  const stored = slices(db, { ...window }).map((slice) => canonical(slice, slice.corrected));
  const offered = window.slices.map((slice) => canonical(slice));
  return stored.sort().join("\n") === offered.sort().join("\n");
}

/** A slice as it was written, whatever a correction made of it since. */
function canonical(slice: Slice, corrected?: StoredSlice["corrected"]): string {
  const { node, gpuUuid, fromMs, toMs, timeMs, energyMj, basis } = slice;
  const { label, ownerKey: key } = corrected ?? {
    label: slice.label,
    ownerKey: ownerKey(slice.owner),
  };
  const { confidence, evidence, modelVersion, agentVersion, simulated, idleEnergyMj } = slice;
  return JSON.stringify([
    [node, gpuUuid, fromMs, toMs, key, timeMs, energyMj ?? null, basis, label],
    [confidence, evidence, modelVersion, agentVersion, simulated, idleEnergyMj ?? null],
  ]);
}

function filters(query: SliceQuery): Record<string, unknown> {
  return {
    fromMs: query.fromMs,
    toMs: query.toMs,
    gpuUuid: query.gpuUuid ?? null,
    ownerKey: query.ownerKey === undefined ? null : ownerKeyFilter(query.ownerKey),
    label: query.label ?? null,
    limit: query.limit ?? -1,
  };
}
