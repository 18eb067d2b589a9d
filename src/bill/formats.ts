import { AssayError } from "../model/errors.ts";
import { windowLengthMs } from "../model/window.ts";
import type { FocusVersion } from "./focus/columns.ts";
import { monthEnds } from "./focus/months.ts";
import { type FocusSource, renderFocusCsv, renderFocusParquet } from "./focus/render.ts";
import { costOptions } from "./line-costs.ts";
import { type ConfiguredNames, billingNames } from "./names.ts";
import { allocations } from "./opencost/allocation.ts";
import { type PageMaker, pageCuts, pageDataOf } from "./page/data.ts";
import { PAGE_POLICY, renderPage } from "./page/render.ts";
import { renderReportCsv } from "./render/csv.ts";
import { renderReportJson } from "./render/json.ts";
import { renderReportMarkdown } from "./render/markdown.ts";
import { renderReportSlurm } from "./render/slurm.ts";
import { renderReportTable } from "./render/table.ts";
import { type Books, type BooksRequest, reportOf } from "./report.ts";
import type { GroupKey, Report } from "./report-types.ts";

/** What a format may be told beside the report. */
export interface FormatOptions {
  groupBy: readonly GroupKey[];
  focusVersion: FocusVersion;
  names: ConfiguredNames;
  maker: PageMaker;
}

/** One way to give a report: what it is called on the web, and as a file. */
export interface FormatSpec {
  contentType: string;
  /** Of a file, without the dot. */
  extension: string;
  /** To be kept as a file rather than looked at in a browser. */
  isDownload: boolean;
  /** What a browser may do with it: nothing but show it, where absent. */
  contentPolicy?: string;
  /** Where the pieces must be cut beside the price changes. */
  cuts?: BooksRequest["cuts"];
  render: (books: Books, options: FormatOptions) => string | Uint8Array;
}

/** A format of a report and nothing else. */
const ofReport =
  (render: (report: Report) => string): FormatSpec["render"] =>
  (books, { groupBy }) =>
    render(reportOf(books, groupBy));

const PLAIN = "text/plain; charset=utf-8";
const CSV = "text/csv; charset=utf-8; header=present";

/** Every format by its name: what the command line, the HTTP API and schedules offer. */
export const FORMATS = {
  table: {
    contentType: PLAIN,
    extension: "txt",
    isDownload: false,
    render: ofReport(renderReportTable),
  },
  json: {
    contentType: "application/json; charset=utf-8",
    extension: "json",
    isDownload: false,
    render: ofReport(renderReportJson),
  },
  csv: {
    contentType: CSV,
    extension: "csv",
    isDownload: true,
    render: ofReport(renderReportCsv),
  },
  markdown: {
    contentType: "text/markdown; charset=utf-8",
    extension: "md",
    isDownload: false,
    render: ofReport(renderReportMarkdown),
  },
  html: {
    contentType: "text/html; charset=utf-8",
    extension: "html",
    isDownload: false,
    contentPolicy: PAGE_POLICY,
    cuts: pageCuts,
    render: (books, { maker }) => renderPage(pageDataOf(books, maker)),
  },
  "focus-csv": {
    contentType: CSV,
    extension: "csv",
    isDownload: true,
    cuts: monthEnds,
    render: (books, options) => renderFocusCsv(focusSource(books, options)),
  },
  "focus-parquet": {
    contentType: "application/vnd.apache.parquet",
    extension: "parquet",
    isDownload: true,
    cuts: monthEnds,
    render: (books, options) => renderFocusParquet(focusSource(books, options)),
  },
  opencost: {
    contentType: "application/json; charset=utf-8",
    extension: "json",
    isDownload: false,
    render: (books, options) => `${JSON.stringify(inOneStep(books, options), undefined, 2)}\n`,
  },
  slurm: {
    contentType: PLAIN,
    extension: "txt",
    isDownload: false,
    render: (books) => renderReportSlurm(reportOf(books, ["owner"]), books),
  },
} as const satisfies Record<string, FormatSpec>;

export type ReportFormat = keyof typeof FORMATS;

export const REPORT_FORMATS = [
  "table",
  "json",
  "csv",
  "markdown",
  "html",
  "focus-csv",
  "focus-parquet",
  "opencost",
  "slurm",
] as const satisfies readonly ReportFormat[];

export function formatSpec(format: ReportFormat): FormatSpec {
  return FORMATS[format];
}

function inOneStep(books: Books, { groupBy }: FormatOptions) {
  const { window, pieces, prices } = books;
  // Made for its check: what does not add up is in no format.
  reportOf(books, groupBy);
  return allocations({
    window,
    pieces,
    stepMs: windowLengthMs(window),
    keys: groupBy,
    costs: prices && costOptions(prices),
  });
}

function focusSource(books: Books, { groupBy, focusVersion, names }: FormatOptions): FocusSource {
  const { currency, nodes } = reportOf(books, groupBy);
  if (currency === undefined)
    throw new AssayError("report/format", "FOCUS is a format of costs: it needs a price list.", {
      hint: "name one with --prices, or as prices.file of the configuration (docs/billing.md)",
    });
  return {
    pieces: books.pieces,
    currency,
    version: focusVersion,
    names: billingNames(names, nodes[0] ?? "gpu-assay"),
  };
}
