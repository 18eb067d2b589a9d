import type { Database } from "better-sqlite3";

/** Makes all derived tables of what slices say. */
export function fillDerived(_db: Database): void {}
