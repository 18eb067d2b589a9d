import type { actsSince } from "../../bill/issue.ts";
import type { LineDifference, ReportDifference } from "../../bill/difference.ts";
import { formatInstant } from "../../bill/instant.ts";
import type { Report } from "../../bill/report-types.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import { spanText } from "../acts/correction.ts";
import { plainTable } from "../explain/table.ts";
import type { StoredReport } from "./issued.ts";

export interface FoundDifference {
  issued: StoredReport;
  before: Report;
  after: Report;
  difference: ReportDifference;
  acts: Awaited<ReturnType<typeof actsSince>>;
  /** It was made with another price list than the issued one. */
  otherPrices: boolean;
}

const WIDTH = 110;

/** Line by line what changed, in milliseconds, millijoules and money, and what explains it. */
export function differenceText(found: FoundDifference): string {
  const { issued, before, after, difference, acts, otherPrices } = found;
  const { lines, same, totals, isOneCurrency } = difference;
  const currency = after.currency ?? before.currency ?? "";
  const rows = lines.map((line) => [
    `${line.charge} ${groupText(line)}`.trim(),
    ...cells(line, isOneCurrency),
  ]);
  const total = ["TOTAL", ...cells(totals, isOneCurrency)];
  const columns = [
    { head: "line" },
    { head: "GPU ms", width: 16, isNumber: true },
    { head: "mJ", width: 18, isNumber: true },
    { head: currency === "" || !isOneCurrency ? "" : currency, width: 20, isNumber: true },
  ];
  const isSame = lines.length === 0;
  return [
    `${issued.id}, issued ${formatInstant(issued.atMs)} by ${sanitize(issued.by)}, ${spanText(before.window)}`,
    isSame
      ? "Made now it is the same to the last millisecond, millijoule and billionth."
      : `Made now, ${lines.length} lines are others, ${same} are the same; now minus then:`,
    ...(isSame ? [] : ["", ...plainTable(columns, [...rows, total], { width: WIDTH })]),
    ...(isOneCurrency
      ? []
      : ["", `The costs are not compared: ${before.currency ?? "none"} then, ${currency} now.`]),
    "",
    ...(otherPrices ? ["Made with another price list than the issued one.", ""] : []),
    acts.length === 0 ? "Nothing was put on record since that touches it." : "On record since:",
    ...acts.map(
      ({ id, atMs, by, kind, text }) =>
        `  ${formatInstant(atMs)}  ${kind} ${sanitize(id, 60)}, by ${sanitize(by, 80)}: ${sanitize(text, 300)}`,
    ),
    "",
  ].join("\n");
}

function groupText({ group }: LineDifference): string {
  return Object.values(group)
    .map((value) => sanitize(value, 60))
    .join(", ");
}

function cells(
  of: { gpuMs: number; energyMj: number; costNanos?: bigint | undefined },
  isOneCurrency: boolean,
): string[] {
  const cost = isOneCurrency && of.costNanos !== undefined ? money(of.costNanos) : "";
  return [signed(String(of.gpuMs)), signed(String(of.energyMj)), cost];
}

/** Exact, without zeros that say nothing, and with two decimals at least. */
export function money(nanos: bigint): string {
  return signed(formatDecimal(nanos, 9).replace(/(\.\d\d\d*?)0+$/, "$1"));
}

function signed(text: string): string {
  return text.startsWith("-") || /^0(\.0+)?$/.test(text) ? text : `+${text}`;
}

/** All of it as JSON; amounts of money are decimal strings of nine places. */
export function differenceJson(found: FoundDifference): string {
  const { issued, before, after, difference, acts, otherPrices } = found;
  const { lines, same, totals, isOneCurrency } = difference;
  const document = {
    format: "gpu-assay/report-difference/1",
    id: issued.id,
    issuedAt: formatInstant(issued.atMs),
    window: { from: formatInstant(before.window.fromMs), to: formatInstant(before.window.toMs) },
    groupBy: before.groupBy,
    currency: isOneCurrency ? after.currency : undefined,
    currencies: isOneCurrency ? undefined : [before.currency, after.currency],
    otherPrices,
    totals: amounts(totals),
    lines: lines.map((line) => ({ charge: line.charge, ...line.group, ...amounts(line) })),
    sameLines: same,
    acts: acts.map(({ atMs, ...act }) => ({ ...act, at: formatInstant(atMs) })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function amounts(of: { gpuMs: number; energyMj: number; costNanos?: bigint | undefined }) {
  const { gpuMs, energyMj, costNanos } = of;
  const cost = costNanos === undefined ? undefined : formatDecimal(costNanos, 9);
  return { gpuMs, energyMj, cost };
}
