import { join } from "node:path";
import Database from "better-sqlite3";
import { type Append, createAppend } from "../../../src/ledger/append.ts";
import { type NodeKey, nodeKey } from "../../../src/ledger/chain/key.ts";
import { createSigner } from "../../../src/ledger/chain/sign.ts";
import type { Problem } from "../../../src/ledger/chain/tampered.ts";
import { verifyWhole } from "../../../src/ledger/chain/checks.ts";
import type { PruneRequest } from "../../../src/ledger/contract.ts";
import { createPruner } from "../../../src/ledger/keep/prune.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { guarded } from "../chain/support.ts";
import { tempDir } from "../fixtures/make.ts";

export const KEEP: Omit<PruneRequest, "nowMs" | "detailBeforeMs"> = {
  segmentsBeforeMs: -Infinity,
  outboxBeforeMs: -Infinity,
};

/** A ledger without a worker, in memory; its clock says `nowMs`. */
export function rawLedger(nowMs: () => number = () => 0): {
  db: Database.Database;
  append: Append;
} {
  const db = new Database(":memory:");
  db.pragma("foreign_keys = ON");
  db.pragma("recursive_triggers = ON");
  migrate(db, "memory");
  return { db, append: createAppend(db, { nowMs }) };
}

/** Removes all detail that ends by `beforeMs`. @returns rows by table */
export function pruned(
  db: Database.Database,
  beforeMs: number,
  more: Partial<PruneRequest> = {},
): Record<string, number> {
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const signer = createSigner(db, keyOnce(), 0, clock);
  const prune = createPruner(db, { sign: () => void signer.signHead() });
  const removed: Record<string, number> = {};
  for (let n = 0; n < 10_000; n++) {
    const step = prune({ ...KEEP, nowMs: 1e12, detailBeforeMs: beforeMs, ...more });
    for (const [table, rows] of Object.entries(step.removed))
      removed[table] = (removed[table] ?? 0) + rows;
    if (step.isDone) return removed;
  }
  throw new Error("it never ends");
}

let key: NodeKey | undefined;
function keyOnce(): NodeKey {
  const dir = key ? "" : tempDir();
  return (key ??= nodeKey({ key: join(dir, "node.key"), publicKey: join(dir, "node.pub") }));
}

/** The first thing wrong with a ledger, sums included; undefined where all is well. */
export function verified(db: Database.Database): Problem | undefined {
  const steps = verifyWhole({ db, place: "memory" });
  return guarded(db, () => {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value.problem;
    }
  });
}
