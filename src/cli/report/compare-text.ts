import type { ComparedLine, Comparison, Holding } from "../../bill/compare.ts";
import { formatInstant } from "../../bill/instant.ts";
import { type Amounts, type Report, measuredEnergyMj } from "../../bill/report-types.ts";
import { kilowattHours } from "../../model/energy.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import type { Window } from "../../model/window.ts";
import { spanText } from "../acts/correction.ts";
import { plainTable } from "../explain/table.ts";
import { lineName, moneyColumn } from "./difference-text.ts";

const WIDTH = 130;
const MS_AN_HOUR = 3_600_000;

/** Two periods side by side: hours, energy and money of each, the difference and the ratio. */
export function comparisonText({
  first,
  second,
  lines,
  totals,
  isOneCurrency,
}: Comparison): string {
  const number = (head: string, width: number) => ({ head, width, isNumber: true });
  const isPriced = isOneCurrency && first.currency !== undefined;
  const columns = [
    { head: "line" },
    number("GPU-hours", 11),
    number("before", 11),
    number("more", 11),
    number("ratio", 7),
    number("kWh", 9),
    number("before", 9),
    ...(isPriced ? [number(`${first.currency ?? ""} more`, 18)] : []),
  ];
  const cells = (
    of: Pick<ComparedLine, "gpuMs" | "costNanos" | "ratio">,
    a?: Amounts,
    b?: Amounts,
  ) => [
    hours(a?.gpuMs ?? 0),
    hours(b?.gpuMs ?? 0),
    signedHours(of.gpuMs),
    of.ratio === undefined ? "-" : of.ratio.toFixed(2),
    energy(a),
    energy(b),
  ];
  const costs = isPriced
    ? moneyColumn([...lines, totals].map(({ costNanos }) => costNanos ?? 0n))
    : [];
  const rows = [
    ...lines.map((line) => [lineName(line), ...cells(line, line.first, line.second)]),
    ["TOTAL", ...cells(totals, first.totals, second.totals)],
  ].map((row, i) => [...row, ...costs.slice(i, i + 1)]);
  return [
    simulated(first, second),
    `${spanText(first.window)}, against ${spanText(second.window)}:`,
    "",
    ...plainTable(columns, rows, { width: WIDTH, isCut: true }),
    "",
    ...lengthNote(first.window, second.window),
    ...coverageNote(first, second),
    ...(isOneCurrency ? [] : ["The costs are in two currencies and are not compared."]),
    ...(isOneCurrency && !isPriced ? ["Without a price list there is no money to compare."] : []),
  ]
    .filter((line, i) => i > 0 || line !== "")
    .concat("")
    .join("\n");
}

function simulated(...reports: readonly Report[]): string {
  return reports.some((report) => report.simulated)
    ? "SIMULATED: these figures come from no real device."
    : "";
}

function lengthNote(a: Window, b: Window): string[] {
  const [first, second] = [a.toMs - a.fromMs, b.toMs - b.fromMs];
  if (first === second) return [];
  return [`The periods are not of one length: ${hours(first)} h against ${hours(second)} h.`];
}

/** What nobody measured is no saving. */
function coverageNote(first: Report, second: Report): string[] {
  const text = ({ coverage }: Report): string =>
    coverage === undefined ? "nothing" : `${(100 * coverage).toFixed(2)} %`;
  return [
    `Observed: ${text(first)} of the first period's GPU time, ${text(second)} of the other's.`,
  ];
}

function hours(ms: number): string {
  return (ms / MS_AN_HOUR).toFixed(3);
}

function signedHours(ms: number): string {
  return ms > 0 ? `+${hours(ms)}` : hours(ms);
}

function energy(of: Amounts | undefined): string {
  const energyMj = of && measuredEnergyMj(of);
  return energyMj === undefined ? "-" : kilowattHours(energyMj).toFixed(3);
}

/** As JSON: milliseconds, millijoules, and money as decimal strings of nine places. */
export function comparisonJson({
  first,
  second,
  lines,
  totals,
  isOneCurrency,
}: Comparison): string {
  const document = {
    format: "gpu-assay/comparison/1",
    simulated: first.simulated || second.simulated,
    first: side(first),
    second: side(second),
    groupBy: first.groupBy,
    currency: isOneCurrency ? first.currency : undefined,
    totals: {
      first: amounts(first.totals),
      second: amounts(second.totals),
      ...difference(totals),
    },
    lines: lines.map((line) => ({
      charge: line.charge,
      ...line.group,
      first: line.first && amounts(line.first),
      second: line.second && amounts(line.second),
      ...difference(line),
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function side(report: Report): object {
  const { window, coverage, currency } = report;
  return { from: formatInstant(window.fromMs), to: formatInstant(window.toMs), coverage, currency };
}

function amounts(of: Amounts): object {
  return { gpuMs: of.gpuMs, energyMj: measuredEnergyMj(of), cost: decimal(of.cost?.totalNanos) };
}

function difference(of: Pick<ComparedLine, "gpuMs" | "energyMj" | "costNanos" | "ratio">): object {
  const { gpuMs, energyMj, costNanos, ratio } = of;
  return { difference: { gpuMs, energyMj, cost: decimal(costNanos) }, ratio };
}

function decimal(nanos: bigint | undefined): string | undefined {
  return nanos === undefined ? undefined : formatDecimal(nanos, 9);
}

/** Who holds GPUs idle: the most wasted first. */
export function holdingsText(found: readonly Holding[], report: Report): string {
  const number = (head: string, width: number) => ({ head, width, isNumber: true });
  const { currency } = report;
  const columns = [
    { head: "owner" },
    number("held h", 11),
    number("used h", 11),
    number("idle h", 11),
    number("used", 8),
    ...(currency === undefined ? [] : [number(`${currency} idle`, 18)]),
  ];
  const totals = totalOf(found);
  const idle = moneyColumn([...found, totals].map(({ idleNanos }) => idleNanos ?? 0n));
  const row = (name: string, of: Omit<Holding, "ownerKey">, i: number): string[] => [
    name,
    hours(of.heldMs),
    hours(of.usedMs),
    hours(of.idleMs),
    of.usedShare === undefined ? "-" : `${(100 * of.usedShare).toFixed(1)} %`,
    ...(currency === undefined ? [] : [(idle[i] ?? "").replace(/^\+/, "")]),
  ];
  const rows = found.map((each, i) => row(sanitize(each.ownerKey, 60), each, i));
  const body =
    found.length === 0
      ? ["Nobody held a GPU."]
      : plainTable(columns, [...rows, row("TOTAL", totals, found.length)], {
          width: 100,
          isCut: true,
        });
  return [
    ...(report.simulated ? [simulated(report)] : []),
    `What was held of GPUs and what was used of it, ${spanText(report.window)}:`,
    "",
    ...body,
    "",
    "Held is used time and time a GPU did nothing while its owner kept it from others.",
    "",
  ].join("\n");
}

function totalOf(found: readonly Holding[]): Omit<Holding, "ownerKey"> {
  const sum = (amount: (of: Holding) => number): number =>
    found.reduce((acc, each) => acc + amount(each), 0);
  const [heldMs, usedMs, idleMs] = [
    sum((of) => of.heldMs),
    sum((of) => of.usedMs),
    sum((of) => of.idleMs),
  ];
  const idleNanos = found.reduce((acc, each) => acc + (each.idleNanos ?? 0n), 0n);
  return { heldMs, usedMs, idleMs, usedShare: heldMs > 0 ? usedMs / heldMs : undefined, idleNanos };
}

export function holdingsJson(found: readonly Holding[], report: Report): string {
  const { window, currency, simulated: isSimulated } = report;
  const document = {
    format: "gpu-assay/holdings/1",
    simulated: isSimulated,
    from: formatInstant(window.fromMs),
    to: formatInstant(window.toMs),
    currency,
    owners: found.map(({ ownerKey: owner, idleNanos, ...rest }) => ({
      owner,
      ...rest,
      idleCost: decimal(idleNanos),
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
