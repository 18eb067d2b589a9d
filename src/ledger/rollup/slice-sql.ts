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
