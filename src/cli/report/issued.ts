import {
  actsSince,
  checkDocument,
  type IssuedReport,
  issuedReport,
  pricesOf,
  reportOf,
} from "../../bill/issue.ts";
import { differenceOf } from "../../bill/difference.ts";
import type { PriceList } from "../../bill/price-types.ts";
import { buildReport } from "../../bill/report.ts";
import type { Report } from "../../bill/report-types.ts";
import { submitActs } from "../../daemon/submit.ts";
import type { LedgerReader } from "../../ledger/contract.ts";
import { AssayError } from "../../model/errors.ts";
import { readShortId } from "../../model/short-id.ts";
import { actor } from "../acts/actor.ts";
import { newId, sleep } from "../acts/common.ts";
import type { CommandIo } from "../io.ts";
import { differenceJson, differenceText } from "./difference-text.ts";
import { issuedIds, noReport } from "./known.ts";

export type StoredReport = IssuedReport & { sequence: number };

/** @throws AssayError report/not-found with the ids that come nearest */
export async function findIssued(ledger: LedgerReader, given: string): Promise<StoredReport> {
  const id = readShortId(given);
  const [found] = await ledger.acts({ kind: "report", id });
  if (found?.kind === "report") return found;
  throw noReport(id, await issuedIds(ledger));
}

/** The stored report as it was: its own document for JSON, byte for byte, or made of that. */
export function reportAgain(
  issued: StoredReport,
  format: string,
  render: (report: Report) => string,
): string {
  checkDocument(issued);
  return format === "json" ? issued.document : render(reportOf(issued));
}

export interface IssueOptions {
  stateDir: string;
  note: string | undefined;
  format: string;
  replaces?: string | undefined;
}

/** Puts a report on record as it is given out. @returns its id */
export async function issue(
  report: Report,
  ledger: LedgerReader,
  prices: PriceList | undefined,
  { stateDir, note, format, replaces }: IssueOptions,
  io: CommandIo,
): Promise<string> {
  const act = await issuedReport(report, ledger, prices, {
    id: newId("R"),
    by: actor(io.env),
    reason: note?.trim() || "issued",
    nowMs: io.nowMs(),
    request: { format },
    replaces,
  });
  await submitActs(stateDir, [act], sleep);
  const instead = replaces === undefined ? "" : `, in place of ${replaces}`;
  io.stderr(`issued as ${act.id}${instead}, by ${act.by}\n`);
  return act.id;
}

/** @throws AssayError act/invalid where another report has replaced it */
export async function refuseReplaced(ledger: LedgerReader, id: string): Promise<void> {
  const acts = await ledger.acts({ kind: "report", brief: true });
  const successor = acts.find((act) => act.kind === "report" && act.replaces === id);
  if (!successor) return;
  throw new AssayError("act/invalid", `the report ${id} is replaced already`, {
    place: `by ${successor.id}`,
    hint: `replace that one: --replace ${successor.id} --issue`,
  });
}

/** The stored report, and the prices to make it again with: its own unless others are given. */
export function asIssued(
  issued: StoredReport,
  given: PriceList | undefined,
): { report: Report; prices: PriceList | undefined } {
  const report = reportOf(issued);
  return { report, prices: given ?? pricesOf(issued, report) };
}

/** What would be made now against what was issued, and the acts since then that explain it. */
export async function difference(
  issued: StoredReport,
  ledger: LedgerReader,
  given: PriceList | undefined,
  { asJson, nowMs }: { asJson: boolean; nowMs: number },
): Promise<string> {
  const { report: before, prices } = asIssued(issued, given);
  const { window, groupBy } = before;
  const after = await buildReport({ ledger, prices, window, groupBy, nowMs });
  const found = {
    issued,
    before,
    after,
    difference: differenceOf(before, after),
    acts: await actsSince(ledger, issued),
    otherPrices: given !== undefined && given.text !== issued.prices,
  };
  return asJson ? differenceJson(found) : differenceText(found);
}
