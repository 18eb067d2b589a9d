import type { Amounts } from "../../model/amounts.ts";
import { HOUR_MS } from "../../model/hour.ts";

/** Columns of a slice by which it counts: corrected where a correction holds. Short names are rows' keys. */
export const COUNTED = `
  s.sequence, s.gpu_id AS gpuId, s.from_ms AS fromMs, s.to_ms AS toMs,
  coalesce(c.owner_id, s.owner_id) AS ownerId, coalesce(c.label_id, s.label_id) AS labelId,
  s.simulated, s.time_ms AS timeMs, s.energy_mj AS energyMj, s.idle_energy_mj AS idleEnergyMj,
  s.confidence`;

export const COUNTED_FROM = `slices s LEFT JOIN corrected_slices c ON c.slice_sequence = s.sequence`;

/** Amounts of whole slices, summed; what `amountsOf` says of one slice (model/cut.ts). */
export const SUMS = `
  sum(s.time_ms) AS timeMs,
  coalesce(sum(s.energy_mj), 0) AS energyMj,
  coalesce(sum(s.time_ms) FILTER (WHERE s.energy_mj IS NULL), 0) AS energyUnmeasuredMs,
  coalesce(sum(s.idle_energy_mj), 0) AS idleEnergyMj,
  coalesce(sum(s.energy_mj - s.idle_energy_mj), 0) AS dynamicEnergyMj,
  coalesce(sum(s.time_ms) FILTER (WHERE s.energy_mj IS NOT NULL AND s.idle_energy_mj IS NULL), 0)
    AS energyUnsplitMs,
  sum(cast(s.confidence * s.time_ms + 0.5 AS INTEGER)) AS confidenceMs,
  count(*) AS sliceCount`;

/** Columns of `hours` that hold amounts, by the names of the model's amounts. */
const HOUR_AMOUNTS = {
  timeMs: "time_ms",
  energyMj: "energy_mj",
  energyUnmeasuredMs: "energy_unmeasured_ms",
  idleEnergyMj: "idle_energy_mj",
  dynamicEnergyMj: "dynamic_energy_mj",
  energyUnsplitMs: "energy_unsplit_ms",
  confidenceMs: "confidence_ms",
  sliceCount: "slice_count",
} as const satisfies Record<keyof Amounts, string>;

const named = Object.entries(HOUR_AMOUNTS);
const OF = "gpu_id AS gpuId, owner_id AS ownerId, label_id AS labelId, simulated";

export const HOUR_COLUMNS = `${OF}, ${named.map(([name, column]) => `${column} AS ${name}`).join(", ")}`;

export const HOUR_SUMS = `${OF}, ${named.map(([name, column]) => `sum(${column}) AS ${name}`).join(", ")}`;

/** Number of the UTC hour of a time, before the epoch too: `/` alone rounds towards 0. */
export function hourOf(column: string): string {
  return `((${column}) - (((${column}) % ${HOUR_MS}) + ${HOUR_MS}) % ${HOUR_MS}) / ${HOUR_MS}`;
}
