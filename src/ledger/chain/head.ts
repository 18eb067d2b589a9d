import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { ChainHead } from "../contract.ts";

const HEAD = `
  SELECT sequence, lower(hex(hash)) AS hash, at_ms AS atMs FROM chain
  ORDER BY sequence DESC LIMIT 1`;

const headRow: z.ZodType<ChainHead> = z.object({
  sequence: z.int(),
  hash: z.string(),
  atMs: z.int(),
});

export function chainHead(db: Database): ChainHead {
  return headRow.parse(db.prepare(HEAD).get());
}
