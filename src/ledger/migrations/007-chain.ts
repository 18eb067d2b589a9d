import type { Database } from "better-sqlite3";
import { beginChain } from "../chain/chain.ts";
import { makeAppendOnly } from "./001-usage.ts";

/** The chain of digests over all records, and the signatures of its heads (chain/entry.ts, chain/sign.ts). */
export function createChainTables(db: Database): void {
  db.exec(`
    CREATE TABLE chain (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL,
      ranges TEXT NOT NULL,
      marks BLOB NOT NULL,
      content BLOB NOT NULL CHECK (length(content) = 32),
      hash BLOB NOT NULL CHECK (length(hash) = 32)
    ) STRICT;

    CREATE TABLE signatures (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      chain_sequence INTEGER NOT NULL,
      at_ms INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      public_key BLOB NOT NULL,
      signature BLOB NOT NULL
    ) STRICT;
  `);
  makeAppendOnly(db, "chain");
  makeAppendOnly(db, "signatures");
  beginChain(db, Date.now());
}
