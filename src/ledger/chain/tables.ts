import type { Database } from "better-sqlite3";

/**
 * A table whose rows are records of the chain. Of a row that may name a person the chain holds the
 * seal and the columns that name nobody, so that an erasure leaves the chain as it is (seal.ts).
 */
interface ChainedTable {
  /** The row number: it grows by one with every row, without holes. */
  id: string;
  /** What the chain holds of a row, as SQL; nothing of it ever changes. */
  columns: readonly string[];
}

const SEAL = "lower(hex(seal))";

/**
 * In the order in which an entry holds them: what a slice names by number comes before the slice. Of
 * a device only its number is a record of its own; its descriptions are in `gpu_states`.
 */
export const CHAINED = {
  texts: { id: "id", columns: ["text"] },
  gpus: { id: "id", columns: ["uuid"] },
  owners: { id: "id", columns: ["kind", SEAL] },
  evidence: { id: "id", columns: [SEAL] },
  gpu_states: { id: "sequence", columns: ["uuid", "json"] },
  slices: {
    id: "sequence",
    columns: [
      "gpu_id",
      "from_ms",
      "to_ms",
      "owner_id",
      "time_ms",
      "energy_mj",
      "idle_energy_mj",
      "label_id",
      "basis_id",
      "confidence",
      "evidence_id",
      "node_id",
      "model_version_id",
      "agent_version_id",
      "simulated",
    ],
  },
  gaps: {
    id: "sequence",
    columns: ["node", "gpu_uuid", "source", "from_ms", "to_ms", "reason"],
  },
  incident_states: {
    id: "sequence",
    columns: ["incident_id", "state", "updated_at_ms", SEAL],
  },
  owner_states: { id: "sequence", columns: ["at_ms", SEAL] },
  processes: { id: "sequence", columns: ["pid", "start_ms", "first_seen_ms", SEAL] },
  contexts: { id: "sequence", columns: ["from_ms", "to_ms", SEAL] },
  calibrations: { id: "sequence", columns: ["gpu_uuid", "kernel", "json"] },
  acts: { id: "sequence", columns: ["kind", "id", "at_ms", SEAL] },
} as const satisfies Record<string, ChainedTable>;

export type ChainedName = keyof typeof CHAINED;

const hasOwn = (name: string): name is ChainedName => Object.hasOwn(CHAINED, name);

export const CHAINED_NAMES: readonly ChainedName[] = Object.keys(CHAINED).filter(hasOwn);

/** The last row of each table; 0 where there is none. */
export type Ends = Record<ChainedName, number>;

export const NO_ROWS: Ends = Object.fromEntries(CHAINED_NAMES.map((name) => [name, 0])) as Ends;

/** A column as SQLite has it: integers and reals are numbers, and blobs are not among them. */
export type Cell = number | string | null;

/**
 * A record as the one text that is digested. Numbers that a slice refers to by are part of it: what
 * they mean is a record of its own.
 */
export function recordText(table: ChainedName, cells: readonly Cell[]): string {
  return JSON.stringify([table, ...cells]);
}

/** `id, column, …`: what {@link recordText} takes of a row, in its order. */
export function recordColumns(table: ChainedName): string {
  const { id, columns } = CHAINED[table];
  return [id, ...columns].join(", ");
}

/** Reads the last rows of all tables; quick, as each is the end of a tree. */
export function createEnds(db: Database): () => Ends {
  const of = (name: ChainedName): string =>
    `coalesce((SELECT max(${CHAINED[name].id}) FROM ${name}), 0) AS ${name}`;
  const read = db.prepare<[], Ends>(`SELECT ${CHAINED_NAMES.map(of).join(", ")}`);
  return () => read.get() ?? NO_ROWS;
}
