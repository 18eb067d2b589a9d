import { formatInstant } from "../../bill/instant.ts";
import type { LedgerReader } from "../../ledger/contract.ts";
import { sanitize } from "../../model/text.ts";
import { spanText } from "../acts/correction.ts";

/** The reports that were issued, in that order, without their documents. */
export async function issuedList(ledger: LedgerReader, asJson: boolean): Promise<string> {
  const acts = await ledger.acts({ kind: "report", brief: true });
  const reports = acts.filter((act) => act.kind === "report");
  const replacedBy = new Map(
    reports.flatMap(({ id, replaces }) => (replaces === undefined ? [] : [[replaces, id]])),
  );
  if (asJson) {
    const list = reports.map((report) => ({
      ...report,
      document: undefined,
      sequence: undefined,
      replacedBy: replacedBy.get(report.id),
    }));
    return `${JSON.stringify({ reports: list }, undefined, 2)}\n`;
  }
  if (reports.length === 0) return "No report was issued yet.\n";
  const lines = reports.map((report) => {
    const successor = replacedBy.get(report.id);
    const note = [
      sanitize(report.reason, 100),
      report.replaces === undefined ? "" : `in place of ${sanitize(report.replaces, 60)}`,
      successor === undefined ? "" : `replaced by ${sanitize(successor, 60)}`,
    ].filter((part) => part !== "");
    return `${report.id}  ${formatInstant(report.atMs)}  ${spanText(report)}  by ${sanitize(report.by, 80)}: ${note.join("; ")}\n`;
  });
  return lines.join("");
}
