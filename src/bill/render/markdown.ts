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

const MAX_NAME = 120;

/**
 * A report as a Markdown table, for a chat or an issue: head, lines, total and the reconciliation.
 * Whatever an observed process or user wrote is code: nothing in it links, mentions or runs.
 * Printed amounts sum to the printed total.
 */
export function renderReportMarkdown(report: Report): string {
  const money = printMoney(report);
  const parts = [head(report), table(report, money), notes(report), prices(report, money)];
  return `${[...parts, foot(report)].filter((part) => part !== "").join("\n\n")}\n`;
}

/** Foreign text as a code span. A bar would end the cell, a back quote the code: both are written out. */
export function code(text: string, maxLength: number = MAX_NAME): string {
  const inert = sanitize(text, maxLength).replace(/[|`]/g, (char) => escaped(char));
  // Of a span of blanks nothing would be shown.
  return `\`${inert.trim() === "" ? escaped(" ") : inert}\``;
}

function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

function head(report: Report): string {
  const { window, nodes, gpus, coverage, currency } = report;
  const span = `${formatInstant(window.fromMs)} to ${formatInstant(window.toMs)}`;
  const names = nodes.map((node) => code(node)).join(", ");
  const lines = [
    "### GPU time and cost",
    "",
    ...(report.simulated
      ? ["**SIMULATED: at least one GPU here was not measured on a real device.**", ""]
      : []),
    `- Node ${names || "none"}, ${gpus.length} GPU${gpus.length === 1 ? "" : "s"}`,
    `- ${span} (UTC, ${formatWholeDuration(window.toMs - window.fromMs)})`,
    coverage === undefined
      ? "- No GPU was known in this window."
      : `- Observed: ${percent(coverage)} of the GPU time`,
  ];
  if (currency === undefined) lines.push("- No price list: no costs.");
  return lines.join("\n");
}

function table(report: Report, money: PrintedMoney | undefined): string {
  const titles = [...report.groupBy.map((key) => GROUP_TITLES[key]), "Charge"];
  const costs = money ? ["Time cost", "Energy cost", `Cost ${report.currency}`] : [];
  if (report.totals.cost?.allocated) costs.push("Shared", "Overhead", "Allocated");
  const numbers = ["GPU-hours", "kWh", ...costs];
  const rows = report.lines.map((line) => [
    ...report.groupBy.map((key) => code(line.group[key] ?? "")),
    line.charge,
    ...amounts(line),
    ...(money?.lines.get(line.key) ?? []),
  ]);
  const total = [
    "**Total**",
    ...titles.slice(1).map(() => ""),
    ...amounts(report.totals),
    ...(money?.total ?? []),
  ];
  const rule = [...titles.map(() => "---"), ...numbers.map(() => "---:")];
  return [[...titles, ...numbers], rule, ...rows, total].map(row).join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function amounts(of: Amounts | ReportLine): string[] {
  const energyMj = measuredEnergyMj(of);
  const kwh = energyMj === undefined ? "not measured" : kilowattHours(energyMj).toFixed(3);
  const partly = energyMj !== undefined && of.energyUnmeasuredMs > 0 ? " †" : "";
  return [(of.gpuMs / 3_600_000).toFixed(3), `${kwh}${partly}`];
}

function notes(report: Report): string {
  const { energyUnmeasuredMs, gpuMs } = report.totals;
  const { unobserved, energyUnpricedMj } = report;
  const lines: string[] = [];
  if (energyUnmeasuredMs > 0 && energyUnmeasuredMs < gpuMs)
    lines.push(
      `† Energy was not measured for ${formatDuration(energyUnmeasuredMs)} of GPU time: it is missing, not zero.`,
    );
  if (report.currency !== undefined && energyUnpricedMj > 0)
    lines.push(`${kilowattHours(energyUnpricedMj).toFixed(3)} kWh have no price and cost nothing.`);
  if (unobserved.length > 0) {
    const ms = unobserved.reduce((sum, gap) => sum + gap.unobservedMs, 0);
    const many = unobserved.length === 1 ? "one gap" : `${unobserved.length} gaps`;
    lines.push(`${formatDuration(ms)} in ${many} not observed: the JSON report lists all.`);
  }
  if (report.totals.carbonMilligrams !== undefined)
    lines.push(
      `CO2 equivalent of the energy: ${(report.totals.carbonMilligrams / 1e6).toFixed(3)} kg.`,
    );
  if (report.allocation) lines.push(`Allocation: ${report.allocation.join(" ")}`);
  return lines.join("\n\n");
}

function prices(report: Report, money: PrintedMoney | undefined): string {
  if (!money) return "";
  const rows = printedRates(report.rates).map((rate) => {
    const what = rate.model === undefined ? "kWh" : `GPU-hour of ${code(rate.model)}`;
    const price = `${money.price(rate.nanos)} ${report.currency} a ${what}`;
    return `- ${price}, ${spanOf(rate)}${detailText(rateDetails(rate))}`;
  });
  const overhead = (report.overhead ?? []).map((item) => {
    const price =
      item.gpuHourNanos === undefined
        ? `PUE ${money.price(item.pueNanos ?? 0n)}`
        : `${money.price(item.gpuHourNanos)} ${report.currency} a GPU-hour`;
    return `- ${price}, ${spanOf(item)}${detailText(overheadDetails(item))}`;
  });
  return [`Prices (${code(report.priceList ?? "")}):`, "", ...rows, ...overhead].join("\n");
}

function spanOf({ fromMs, toMs }: Window): string {
  return `${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
}

function detailText(details: readonly RateDetail[]): string {
  return details.map(({ ours, theirs }) => `, ${ours}${code(theirs)}`).join("");
}

function foot({ reconciliation }: Report): string {
  return `Reconciled: ${reconciliation.equation}; lines sum to ${reconciliation.linesGpuMs} ms.`;
}
