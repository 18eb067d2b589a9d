import { AssayError } from "../model/errors.ts";
import type { ReportFormat } from "./formats.ts";
import { renderReportCsv } from "./render/csv.ts";
import { renderReportJson } from "./render/json.ts";
import { renderReportMarkdown } from "./render/markdown.ts";
import { renderReportTable } from "./render/table.ts";
import type { Report } from "./report-types.ts";

/** What a report that was issued can be made again as: the others need what it was made of. */
const STORED: Partial<Readonly<Record<ReportFormat, (report: Report) => string>>> = {
  table: renderReportTable,
  json: renderReportJson,
  csv: renderReportCsv,
  markdown: renderReportMarkdown,
};

/** Their names, for people. */
export const STORED_FORMATS: readonly string[] = Object.keys(STORED);

export function isStoredFormat(format: ReportFormat): boolean {
  return STORED[format] !== undefined;
}

/** @throws AssayError report/format for a format that is made of more than a report's lines */
export function renderStored(report: Report, format: ReportFormat): string {
  const render = STORED[format];
  if (render) return render(report);
  throw new AssayError(
    "report/format",
    `an issued report holds its lines, and ${format} needs what they were made of`,
    { place: "--format", hint: `one of ${STORED_FORMATS.join(", ")}` },
  );
}
