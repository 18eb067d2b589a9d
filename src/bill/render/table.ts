import Table from "cli-table3";
import { formatDuration, formatWholeDuration } from "../../model/duration.ts";
import { kilowattHours } from "../../model/energy.ts";
import { sanitize } from "../../model/text.ts";
import type { Window } from "../../model/window.ts";
import { formatInstant } from "../instant.ts";
import { type PrintedMoney, printMoney } from "../printed-money.ts";
import { type RateDetail, overheadDetails, printedRates, rateDetails } from "../printed-rates.ts";
import { type Amounts, type Report, type ReportLine, measuredEnergyMj } from "../report-types.ts";
import { percent } from "./cells.ts";
import { GROUP_TITLES } from "./titles.ts";

/** How many gaps are written out before the rest is only counted. */
const MAX_GAPS = 20;
const MAX_CELL = 48;

/**
 * A report for a terminal, without colour: head, lines, total, gaps and the reconciliation.
 * Printed amounts sum to the printed total.
 */
export function renderReportTable(report: Report): string {
  const money = printMoney(report);
  const parts = [head(report), linesTable(report, money), energyNote(report), gapList(report)];
  parts.push(allocationNote(report), rateList(report, money), foot(report));
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function head(report: Report): string {
  const { window, nodes, gpus, coverage } = report;
  const span = `${formatInstant(window.fromMs)} to ${formatInstant(window.toMs)}`;
  const lines = [
    `Node ${nodes.map((node) => sanitize(node, MAX_CELL)).join(", ") || "none"} · ${gpus.length} GPU${gpus.length === 1 ? "" : "s"}`,
    `${span} (UTC, ${formatWholeDuration(window.toMs - window.fromMs)})`,
    coverage === undefined
      ? "No GPU was known in this window."
      : `Observed: ${percent(coverage)} of the GPU time`,
  ];
  if (report.currency === undefined) lines.push("No price list: no costs.");
  if (report.simulated)
    lines.unshift("*** SIMULATED: at least one GPU here was not measured on a real device ***");
  return lines.join("\n");
}

function linesTable(report: Report, money: PrintedMoney | undefined): string {
  const titles = report.groupBy.map((key) => GROUP_TITLES[key]);
  const costs = money ? ["Time cost", "Energy cost", `Cost ${report.currency}`] : [];
  if (report.totals.cost?.allocated) costs.push("Shared", "Overhead", "Allocated");
  const numbers = ["GPU time", "GPU-hours", "kWh", ...costs];
  const table = new Table({
    head: [...titles, "Charge", ...numbers],
    colAligns: [
      ...titles.map(() => "left" as const),
      "left",
      ...numbers.map(() => "right" as const),
    ],
    style: { head: [], border: [], compact: true },
  });
  for (const line of report.lines)
    table.push([
      ...groupCells(report, line),
      line.charge,
      ...amountCells(line),
      ...costCells(money, line.key),
    ]);
  const totalHead = [{ content: "Total", colSpan: titles.length + 1 }];
  table.push([...totalHead, ...amountCells(report.totals), ...(money ? money.total : [])]);
  return table.toString();
}

function groupCells(report: Report, line: ReportLine): string[] {
  return report.groupBy.map((key) => {
    const value = sanitize(line.group[key] ?? "", MAX_CELL);
    return key === "gpu" ? gpuName(report, line.group.gpu ?? "", value) : value;
  });
}

function gpuName(report: Report, uuid: string, shown: string): string {
  const gpu = report.gpus.find((each) => each.uuid === uuid);
  return gpu ? `${gpu.index} ${shown}` : shown;
}

function amountCells(of: Amounts): string[] {
  const { gpuMs, energyUnmeasuredMs } = of;
  const energyMj = measuredEnergyMj(of);
  const kwh = energyMj === undefined ? "not measured" : kilowattHours(energyMj).toFixed(3);
  const partly = energyMj !== undefined && energyUnmeasuredMs > 0 ? "*" : "";
  return [formatDuration(gpuMs), (gpuMs / 3_600_000).toFixed(3), `${kwh}${partly}`];
}

function costCells(money: PrintedMoney | undefined, key: string): readonly string[] {
  return money ? (money.lines.get(key) ?? []) : [];
}

function energyNote(report: Report): string {
  const { energyUnmeasuredMs, gpuMs } = report.totals;
  const notes: string[] = [];
  if (energyUnmeasuredMs > 0 && energyUnmeasuredMs < gpuMs)
    notes.push(
      `* Energy was not measured for ${formatDuration(energyUnmeasuredMs)} of GPU time: it is missing, not zero.`,
    );
  if (report.currency !== undefined && report.energyUnpricedMj > 0)
    notes.push(
      `${kilowattHours(report.energyUnpricedMj).toFixed(3)} kWh have no price in the list and cost nothing here.`,
    );
  const { carbonMilligrams } = report.totals;
  if (carbonMilligrams !== undefined)
    notes.push(`CO2 equivalent of the energy: ${(carbonMilligrams / 1e6).toFixed(3)} kg.`);
  if ((report.carbonUncoveredMj ?? 0) > 0)
    notes.push(
      `${kilowattHours(report.carbonUncoveredMj ?? 0).toFixed(3)} kWh have no carbon factor: theirs is missing.`,
    );
  return notes.join("\n");
}

function allocationNote({ allocation }: Report): string {
  if (!allocation) return "";
  return ["Allocation:", ...allocation.map((sentence) => `  ${sentence}`)].join("\n");
}

function gapList(report: Report): string {
  const { unobserved } = report;
  if (unobserved.length === 0) return report.totals.gpuMs > 0 ? "Gaps: none." : "";
  const shown = unobserved.slice(0, MAX_GAPS).map((gap) => {
    const gpu = report.gpus.find((each) => each.uuid === gap.gpuUuid);
    const why = gap.reasons.map((reason) => sanitize(reason, 80)).join("; ");
    const kind = gap.hole ? "no record" : "no sample";
    const span = `${formatInstant(gap.fromMs)} to ${formatInstant(gap.toMs)}`;
    return `  GPU ${gpu?.index ?? "?"}  ${span}  ${formatDuration(gap.unobservedMs)}  ${why || kind}`;
  });
  const rest = unobserved.length - shown.length;
  if (rest > 0) shown.push(`  … and ${rest} more: the JSON report lists all`);
  return [`Gaps (${unobserved.length}):`, ...shown].join("\n");
}

function rateList(report: Report, money: PrintedMoney | undefined): string {
  if (!money) return "";
  const rows = printedRates(report.rates).map((rate) => {
    const what = rate.model === undefined ? "kWh" : `GPU-hour of ${sanitize(rate.model, MAX_CELL)}`;
    const price = `${money.price(rate.nanos)} ${report.currency} a ${what}`;
    return `  ${price}, ${spanOf(rate)}${detailText(rateDetails(rate))}`;
  });
  const overhead = (report.overhead ?? []).map((item) => {
    const price =
      item.gpuHourNanos === undefined
        ? `PUE ${money.price(item.pueNanos ?? 0n)}`
        : `${money.price(item.gpuHourNanos)} ${report.currency} a GPU-hour`;
    return `  ${price}, ${spanOf(item)}${detailText(overheadDetails(item))}`;
  });
  const title = `Prices (${sanitize(report.priceList ?? "", 120)}):`;
  return [title, ...rows, ...overhead].join("\n");
}

function spanOf({ fromMs, toMs }: Window): string {
  return `${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
}

function detailText(details: readonly RateDetail[]): string {
  return details.map(({ ours, theirs }) => `, ${ours}${sanitize(theirs, MAX_CELL)}`).join("");
}

function foot(report: Report): string {
  return `Reconciled: ${report.reconciliation.equation}; lines sum to ${report.reconciliation.linesGpuMs} ms.`;
}
