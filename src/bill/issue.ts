import { createHash } from "node:crypto";
import type { ActOf, LedgerReader } from "../ledger/contract.ts";
import { AssayError } from "../model/errors.ts";
import type { Window } from "../model/window.ts";
import { parsePriceList } from "./price-list.ts";
import type { PriceList } from "./price-types.ts";
import { renderReportJson } from "./render/json.ts";
import { reportFromJson } from "./report-document.ts";
import type { Report } from "./report-types.ts";

export type IssuedReport = ActOf<"report">;

export interface Issue {
  id: string;
  by: string;
  reason: string;
  nowMs: number;
  /** What it was asked for, beside window and groups: format, schedule. */
  request?: IssuedReport["request"] | undefined;
  replaces?: string | undefined;
}

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * The record of a report that is given out: its document, the price list it rests on, and where the
 * ledger's chain was then.
 */
export async function issuedReport(
  report: Report,
  ledger: LedgerReader,
  prices: PriceList | undefined,
  { id, by, reason, nowMs, request, replaces }: Issue,
): Promise<IssuedReport> {
  const document = renderReportJson(report);
  const head = await ledger.chainHead();
  return {
    kind: "report",
    id,
    atMs: nowMs,
    by,
    reason,
    ...report.window,
    document,
    documentDigest: digestOf(document),
    request: { groupBy: [...report.groupBy], ...request },
    ...(prices?.text !== undefined && { prices: prices.text }),
    chainSequence: head.sequence,
    ...(head.sequence > 0 && { chainHash: head.hash }),
    ...(replaces !== undefined && { replaces }),
  };
}

/**
 * The report of a record, as it was.
 * @throws AssayError ledger/tampered where the document is not what its digest says
 */
export function reportOf(issued: IssuedReport): Report {
  checkDocument(issued);
  return reportFromJson(issued.document);
}

/** @throws AssayError ledger/tampered */
export function checkDocument({ id, document, documentDigest }: IssuedReport): void {
  if (digestOf(document) === documentDigest) return;
  throw new AssayError("ledger/tampered", `the document of ${id} is not what was issued`, {
    hint: "assay verify names the first record that was changed",
  });
}

/** The price list that a report was made with; undefined where it had none. @throws AssayError price/* */
export function pricesOf(issued: IssuedReport, report: Report): PriceList | undefined {
  return issued.prices === undefined
    ? undefined
    : parsePriceList(issued.prices, report.priceList ?? `the prices of ${issued.id}`);
}

/** What was put on record after a report and touches its window: why it would be another today. */
export async function actsSince(
  ledger: LedgerReader,
  issued: IssuedReport & { sequence: number },
): Promise<{ kind: string; id: string; atMs: number; by: string; text: string }[]> {
  const window: Window = issued;
  const acts = await ledger.acts({ brief: true });
  return acts
    .filter(({ sequence }) => sequence > issued.sequence)
    .flatMap((act) => {
      const { kind, id, atMs, by, reason } = act;
      const told = { kind, id, atMs, by };
      if (act.kind === "correction")
        return touches(act, window) ? [{ ...told, text: `${correctionText(act)}: ${reason}` }] : [];
      if (act.kind === "dispute")
        return touches(act, window) ? [{ ...told, text: `${act.state}: ${reason}` }] : [];
      if (act.kind === "erasure")
        return [{ ...told, text: `${act.erased.length} values erased: ${reason}` }];
      if (act.kind === "checkpoint")
        return act.beforeMs > window.fromMs
          ? [{ ...told, text: `older records removed, sums kept: ${reason}` }]
          : [];
      if (act.kind === "retirement")
        return act.fromMs < window.toMs
          ? [{ ...told, text: `${act.gpuUuid} is gone: ${reason}` }]
          : [];
      return act.replaces === issued.id ? [{ ...told, text: `replaces it: ${reason}` }] : [];
    });
}

function correctionText(act: ActOf<"correction">): string {
  const to = [act.label, act.newOwnerKey].filter((each) => each !== undefined).join(", ");
  return `${act.ownerKey ?? "everybody"} on ${act.gpuUuid} is ${to}`;
}

function touches(act: Window, window: Window): boolean {
  return act.fromMs < window.toMs && act.toMs > window.fromMs;
}
