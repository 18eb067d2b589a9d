import { stringify } from "csv-stringify/sync";
import { kilowattHours } from "../../model/energy.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import { formatInstant } from "../instant.ts";
import { type Report, type ReportLine, measuredEnergyMj } from "../report-types.ts";
import { MAX_CELL } from "./cells.ts";

/**
 * The lines as RFC 4180 CSV with CRLF. Every line carries the window, so rows of several reports can
 * be put together. A cell that a spreadsheet would take for a formula begins with `'`.
 * Cost cells are empty without a price list, energy cells where none was measured.
 */
export function renderReportCsv(report: Report): string {
  const header = [
    "from",
    "to",
    ...report.groupBy,
    "charge",
    "gpu_ms",
    "gpu_hours",
    "energy_kwh",
    "energy_unmeasured_ms",
    "currency",
    "time_cost",
    "energy_cost",
    "cost",
    "simulated",
  ];
  return stringify([header, ...report.lines.map((line) => row(report, line))], {
    record_delimiter: "\r\n",
    escape_formulas: true,
  });
}

function row(report: Report, line: ReportLine): string[] {
  const money = (nanos: bigint | undefined): string =>
    nanos === undefined ? "" : formatDecimal(nanos, 9);
  const energyMj = measuredEnergyMj(line);
  return [
    formatInstant(report.window.fromMs),
    formatInstant(report.window.toMs),
    ...report.groupBy.map((key) => sanitize(line.group[key] ?? "", MAX_CELL)),
    line.charge,
    String(line.gpuMs),
    (line.gpuMs / 3_600_000).toFixed(6),
    energyMj === undefined ? "" : kilowattHours(energyMj).toFixed(9),
    String(line.energyUnmeasuredMs),
    report.currency ?? "",
    money(line.cost?.timeNanos),
    money(line.cost?.energyNanos),
    money(line.cost?.totalNanos),
    String(line.simulated),
  ];
}
