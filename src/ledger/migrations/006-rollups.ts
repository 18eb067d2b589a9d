import type { Database } from "better-sqlite3";

/** Sums of slices, kept as they come: all of it is derived, and can be made again of the slices. */
export function createRollupTables(_db: Database): void {}
