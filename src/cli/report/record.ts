import type { Command } from "commander";
import { formatSpec } from "../../bill/formats.ts";
import { DEFAULT_FOCUS, makerOf, type ReportArguments } from "../../bill/make-report.ts";
import type { PriceList } from "../../bill/price-types.ts";
import { reportOf, withBooks } from "../../bill/report.ts";
import { reportWindow } from "../../bill/report-window.ts";
import { STORED_FORMATS, renderStored } from "../../bill/stored-formats.ts";
import type { LedgerReader } from "../../ledger/contract.ts";
import { AssayError } from "../../model/errors.ts";
import type { CommandIo } from "../io.ts";
import { difference, findIssued, issue, asIssued, refuseReplaced, reportAgain } from "./issued.ts";
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

export interface RecordRequest extends ReportArguments {
  ledger: LedgerReader;
  stateDir: string;
  prices: PriceList | undefined;
  /** The list that was named on the command line itself. */
  given: PriceList | undefined;
}

export function withRecord(command: Command): Command {
  return command
    .option("--issue", "put the report on record, as it is given out")
    .option("--note <text>", "with --issue: what to remember about it")
    .option("--replace <id>", "with --issue: the same window again, in place of that report")
    .option("--again <id>", `an issued report as it was: ${STORED_FORMATS.join(", ")}`)
    .option("--difference <id>", "what an issued report would be now, against what it was")
    .option("--issued", "list the reports that were issued");
}

/** @returns what is about a report that was or is to be issued; undefined for any other */
export async function reportOnRecord(
  request: RecordRequest,
  options: RecordOptions,
  io: CommandIo,
): Promise<string | Uint8Array | undefined> {
  checkOptions(request, options);
  const { ledger, format, given } = request;
  const asJson = format === "json";
  if (options.issued) return issuedList(ledger, asJson);
  if (options.again !== undefined) {
    const found = await findIssued(ledger, options.again);
    return reportAgain(found, format, (report) => renderStored(report, format));
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
): Promise<string | Uint8Array> {
  const { ledger, stateDir, format, given } = request;
  const nowMs = io.nowMs();
  const old = replace === undefined ? undefined : await findIssued(ledger, replace);
  if (old) await refuseReplaced(ledger, old.id);
  const before = old && asIssued(old, given);
  const prices = before ? before.prices : request.prices;
  const groupBy = before?.report.groupBy ?? request.groupBy;
  const window = before?.report.window ?? reportWindow(request, nowMs, await ledger.extent());
  const { cuts, render } = formatSpec(format);
  const { focusVersion = DEFAULT_FOCUS, names = {} } = request;
  const maker = await makerOf(ledger, request.madeBy);
  const made = await withBooks({ ledger, prices, window, groupBy, cuts, nowMs }, (books) => ({
    report: reportOf(books, groupBy),
    result: render(books, { groupBy, focusVersion, names, maker }),
  }));
  await issue(made.report, ledger, prices, { stateDir, note, format, replaces: old?.id }, io);
  return made.result;
}

/** @throws AssayError cli/usage for options that say two things at once */
function checkOptions(request: RecordRequest, options: RecordOptions): void {
  const { from, to, month, day } = request;
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
  if (isFixed !== undefined && (from ?? to ?? month ?? day) !== undefined)
    throw usage("the window is that of the issued report", "--from", "name no window");
}

function usage(message: string, place: string, hint: string): AssayError {
  return new AssayError("cli/usage", message, { place, hint });
}
