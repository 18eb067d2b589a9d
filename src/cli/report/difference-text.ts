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
  const nanos = isOneCurrency ? [...lines, totals].map(({ costNanos }) => costNanos) : [];
  const costs = moneyColumn(nanos);
  const names = lines.map(lineName);
  const rows = [...lines, totals].map((of, i) => [
    names[i] ?? "TOTAL",
    signed(String(of.gpuMs)),
    signed(String(of.energyMj)),
    costs[i] ?? "",
  ]);
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
    ...(isSame ? [] : ["", ...plainTable(columns, rows, { width: WIDTH, isCut: true })]),
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

/** What a line is of, for the first column of a table. */
export function lineName({ charge, group }: Pick<LineDifference, "charge" | "group">): string {
  const names = Object.values(group).map((value) => sanitize(value, 60));
  return `${charge} ${names.join(", ")}`.trim();
}

const FEWEST_DECIMALS = 2;

/**
 * The amounts of a column, exact: with as many decimals as the one that needs most, and two at least,
 * so that the points stand below each other. Nothing where there is no amount.
 */
export function moneyColumn(nanos: readonly (bigint | undefined)[]): string[] {
  const texts = nanos.map((each) => (each === undefined ? "" : formatDecimal(each, 9)));
  const needed = texts.map((text) => text.replace(/0+$/, "").split(".")[1]?.length ?? 0);
  const cut = Math.max(FEWEST_DECIMALS, ...needed) - 9;
  return texts.map((text) => signed(cut < 0 ? text.slice(0, cut) : text));
}

function signed(text: string): string {
  return text === "" || text.startsWith("-") || /^0(\.0+)?$/.test(text) ? text : `+${text}`;
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
