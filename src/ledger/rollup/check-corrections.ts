import type { Database } from "better-sqlite3";
import type { RollupMismatch } from "./check.ts";

/** The last correction of each slice; nobody's time stays nobody's. */
const EXPECTED = `
  SELECT s.sequence, max(k.act_sequence) AS act_sequence,
    coalesce(k.new_label_id, s.label_id) AS label_id,
    coalesce(k.new_owner_id, s.owner_id) AS owner_id
  FROM corrections k
  JOIN slices s ON s.gpu_id = k.gpu_id AND s.from_ms >= k.from_ms AND s.to_ms <= k.to_ms
    AND s.from_ms < k.to_ms AND s.sequence <= k.last_sequence
    AND (k.owner_id IS NULL OR s.owner_id = k.owner_id)
  JOIN owners o ON o.id = s.owner_id AND o.kind != 'unobserved'
  GROUP BY s.sequence`;

const STORED = `
  SELECT slice_sequence, act_sequence, label_id, owner_id FROM corrected_slices`;

/** Whether every correction holds where it should, and nowhere else: of removed slices none does. */
export function correctionMismatch(db: Database): RollupMismatch | undefined {
  const differs = db.prepare(
    `SELECT * FROM (SELECT * FROM (${EXPECTED}) EXCEPT ${STORED})
     UNION ALL SELECT * FROM (${STORED} EXCEPT SELECT * FROM (${EXPECTED})) LIMIT 1`,
  );
  const found = differs.pluck().get();
  return found === undefined
    ? undefined
    : {
        table: "corrected_slices",
        what: `slice ${String(found)} does not count as corrections say`,
      };
}
