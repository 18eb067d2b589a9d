import type { Database } from "better-sqlite3";

/** The chain of digests over all records, and the signatures of its heads. */
export function createChainTables(_db: Database): void {}
