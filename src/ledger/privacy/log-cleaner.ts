import type { Database } from "better-sqlite3";

/** How long a commit may wait for readers of what was there before an erasure, in milliseconds. */
const WAIT_MS = 200;

/**
 * The write-ahead log keeps pages as they were until it is begun anew. After an erasure it is folded
 * into the database and cut to nothing: at once, or as soon as no reader needs it any more.
 */
export interface LogCleaner {
  /** After a commit. */
  afterCommit(hasErased: boolean): void;
}

export function createLogCleaner(db: Database): LogCleaner {
  let isDue = false;
  return {
    afterCommit(hasErased) {
      isDue ||= hasErased;
      if (!isDue) return;
      const patience = Number(db.pragma("busy_timeout", { simple: true }));
      db.pragma(`busy_timeout = ${WAIT_MS}`);
      try {
        isDue = Number(db.pragma("wal_checkpoint(TRUNCATE)", { simple: true })) !== 0;
      } finally {
        db.pragma(`busy_timeout = ${patience}`);
      }
    },
  };
}
