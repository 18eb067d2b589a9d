import type { Database } from "better-sqlite3";
import { keptSums } from "../keep/checkpoint.ts";
import { rollupMismatch } from "../rollup/check.ts";
import { prunedBeforeMs } from "../rollup/pruned.ts";
import { checkCorrections } from "./correction-check.ts";
import { Tampered } from "./tampered.ts";
import { type Checkpoint, type Verified, verifyLedger, type VerifySettings } from "./verify.ts";

/** Everything that must hold of a ledger: the chain, and what other parts keep beside it. */
export function verifyWhole(
  settings: Omit<VerifySettings, "checks" | "keptSums">,
): Generator<void, Verified> {
  return verifyLedger({
    ...settings,
    checks: [checkPruned, checkCorrections, checkSums],
    keptSums,
  });
}

/** Up to when sums stand for slices is said in two places: the checkpoint's is chained. */
function checkPruned(db: Database, checkpoint: Checkpoint | undefined): void {
  if (prunedBeforeMs(db) === (checkpoint?.beforeMs ?? Number.NEGATIVE_INFINITY)) return;
  const what = "its prunedBeforeMs is not what the newest checkpoint says";
  throw new Tampered({ table: "meta", what });
}

function checkSums(db: Database): void {
  const found = rollupMismatch(db);
  if (found) throw new Tampered({ table: found.table, what: found.what });
}
