import type { LedgerReader } from "../../ledger/contract.ts";
import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";
import { nearestIds } from "../acts/common.ts";

/** Ids of the reports that were issued, in that order. */
export async function issuedIds(ledger: Pick<LedgerReader, "acts">): Promise<string[]> {
  return (await ledger.acts({ kind: "report", brief: true })).map(({ id }) => id);
}

/** @returns report/not-found, with the ids that come nearest */
export function noReport(id: string, known: readonly string[]): AssayError {
  return new AssayError("report/not-found", `no report ${sanitize(id, 60)} was issued`, {
    place: "the ledger",
    hint:
      known.length === 0
        ? "none was issued yet: assay report --issue"
        : `the nearest are ${nearestIds(id, known)}; assay report --issued lists all`,
  });
}
