import type { Database } from "better-sqlite3";

/**
 * Tables that retention removes rows from, and the column whose value says how far. What names the
 * rest by number (devices, owners, texts) stays, and so do gaps and acts.
 */
export const PRUNED = {
  evidence: "id",
  gpu_states: "sequence",
  slices: "sequence",
  incident_states: "sequence",
  owner_states: "sequence",
  processes: "sequence",
  contexts: "sequence",
  calibrations: "sequence",
  chain: "sequence",
  signatures: "chain_sequence",
} as const;

export type PrunedTable = keyof typeof PRUNED;

/** The row of `meta` that lets rows of a table go, up to its value: there inside a prune alone. */
export function pruneKey(table: PrunedTable): string {
  return `pruneUpTo.${table}`;
}

/** Rows stay unless a prune is under way that reaches up to them. */
export function allowPruning(db: Database): void {
  for (const [table, column] of Object.entries(PRUNED))
    db.exec(`
      DROP TRIGGER ${table}_no_delete;
      CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table}
      WHEN OLD.${column} > coalesce(
        (SELECT value FROM meta WHERE key = 'pruneUpTo.${table}'), ${Number.MIN_SAFE_INTEGER})
      BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END;
    `);
}
