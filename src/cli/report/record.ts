import type { Command } from "commander";
import { type ReportFormat, renderReport } from "../../bill/make-report.ts";
import type { PriceList } from "../../bill/price-types.ts";
import { buildReport } from "../../bill/report.ts";
import type { GroupKey } from "../../bill/report-types.ts";
import { parseReportWindow } from "../../bill/report-window.ts";
import type { LedgerReader } from "../../ledger/contract.ts";
import { AssayError } from "../../model/errors.ts";
import type { CommandIo } from "../io.ts";
import { difference, findIssued, issue, madeNow, refuseReplaced, reportAgain } from "./issued.ts";
import { issuedList } from "./issued-list.ts";

/** Of `assay report`: what is put on record, and what of it is shown again. */
export interface RecordOptions {
  issue?: boolean;
  note?: string;
  replace?: string;
  again?: string;
  difference?: string;
  issued?: boolean;
}

export interface RecordRequest {
  ledger: LedgerReader;
  stateDir: string;
  from: string | undefined;
  to: string | undefined;
  groupBy: readonly GroupKey[];
  format: ReportFormat;
  prices: PriceList | undefined;
  /** The list that was named on the command line itself. */
  given: PriceList | undefined;
}

export function withRecord(command: Command): Command {
  return command
    .option("--issue", "put the report on record, as it is given out")
    .option("--note <text>", "with --issue: what to remember about it")
    .option("--replace <id>", "with --issue: the same window again, in place of that report")
    .option("--again <id>", "an issued report as it was, in any format")
    .option("--difference <id>", "what an issued report would be now, against what it was")
    .option("--issued", "list the reports that were issued");
}

/** @returns the report's text, where it is about one that was or is to be issued */
export async function reportOnRecord(
  request: RecordRequest,
  options: RecordOptions,
  io: CommandIo,
): Promise<boolean> {
  checkOptions(request, options);
  const text = await textOf(request, options, io);
  if (text !== undefined) io.stdout(text);
  return text !== undefined;
}

async function textOf(
  request: RecordRequest,
  options: RecordOptions,
  io: CommandIo,
): Promise<string | undefined> {
  const { ledger, format, given } = request;
  const asJson = format === "json";
  if (options.issued) return issuedList(ledger, asJson);
  if (options.again !== undefined) {
    const found = await findIssued(ledger, options.again);
    return reportAgain(found, format, (report) => renderReport(report, format));
  }
  if (options.difference !== undefined) {
    const found = await findIssued(ledger, options.difference);
    return difference(found, ledger, given, { asJson, nowMs: io.nowMs() });
  }
  if (!options.issue) return undefined;
  return issued(request, options, io);
}

async function issued(
  request: RecordRequest,
  { note, replace }: RecordOptions,
  io: CommandIo,
): Promise<string> {
  const { ledger, stateDir, from, to, groupBy, format, given } = request;
  const nowMs = io.nowMs();
  const old = replace === undefined ? undefined : await findIssued(ledger, replace);
  if (old) await refuseReplaced(ledger, old.id);
  const made = old && (await madeNow(old, ledger, given, nowMs));
  const prices = made ? made.prices : request.prices;
  const report =
    made?.after ??
    (await buildReport({
      ledger,
      prices,
      window: parseReportWindow(from, to, nowMs, await ledger.extent()),
      groupBy,
      nowMs,
    }));
  await issue(report, ledger, prices, { stateDir, note, format, replaces: old?.id }, io);
  return renderReport(report, format);
}

/** @throws AssayError cli/usage for options that say two things at once */
function checkOptions({ from, to }: RecordRequest, options: RecordOptions): void {
  const { issue: isIssue, note, replace, again, difference: against, issued: isList } = options;
  const asked = [isIssue && "--issue", again && "--again", against && "--difference"];
  const modes = [...asked, isList && "--issued"].filter((mode) => typeof mode === "string");
  if (modes.length > 1)
    throw usage(`${modes.join(" and ")} are two things`, modes[1] ?? "", "ask for one of them");
  if (!isIssue && (note !== undefined || replace !== undefined))
    throw usage(
      "nothing is issued",
      note === undefined ? "--replace" : "--note",
      "it goes with --issue",
    );
  const isFixed = replace ?? again ?? against;
  if (isFixed !== undefined && (from !== undefined || to !== undefined))
    throw usage(
      "the window is that of the issued report",
      from === undefined ? "--to" : "--from",
      "leave out --from and --to",
    );
}

function usage(message: string, place: string, hint: string): AssayError {
  return new AssayError("cli/usage", message, { place, hint });
}
