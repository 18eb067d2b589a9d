import Table from "cli-table3";
import type { Resource } from "../../model/calibration.ts";
import { percentText, resourceName, siText } from "../../model/rate-text.ts";
import { sanitize } from "../../model/text.ts";
import type { Kernel } from "../../probe/kernels/kernel.ts";
import { NO_LINES } from "../no-lines.ts";
import type { BenchReport, ReportedKernel, ReportedRate } from "./report.ts";

export const SOFTWARE = "SOFTWARE";

const HEAD = ["kernel", "rate", "spread", "bound by", "of it", "variant"];

/** What was measured as a table, then what was not and why, then on what and how. */
export function reportText(report: BenchReport, known: readonly Kernel[]): string {
  const rates = report.kernels.filter((each) => each.outcome === "measured");
  const others = report.kernels.filter((each) => each.outcome !== "measured");
  const parts = [
    rates.length > 0 ? rateTable(rates, report.software) : "nothing was measured",
    others.map((each) => unmeasuredLine(each, report.software)).join("\n"),
    missingText(rates, known),
    foot(report, rates),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function rateTable(rates: readonly ReportedRate[], software: boolean): string {
  const rows = rates.map((rate) => [
    rate.kernel,
    siText(rate.ratePerSecond, rate.unit),
    rate.rateSpread === undefined ? "-" : percentText(rate.rateSpread),
    boundText(rate.bound),
    shareText(rate.bound),
    variantText(rate.variant),
  ]);
  return columns([HEAD, ...rows], software);
}

/** @param software every line says so */
function columns(rows: readonly string[][], software: boolean): string {
  const table = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: ["left", "right", "right", "left", "right", "left"],
  });
  table.push(...rows.map((row) => (software ? [...row, SOFTWARE] : row)));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

type Bound = ReportedRate["bound"];

function boundText({ resource, isCeiling, missing }: Bound): string {
  const unknown = missing.map((each) => `${resourceName(each)}?`);
  const known = resource === undefined ? [] : [resourceName(resource)];
  const names = [...known, ...unknown].join(" ");
  if (isCeiling) return `${names} (its ceiling)`;
  return names === "" ? "-" : names;
}

function shareText({ fraction, aboveCeiling }: Bound): string {
  if (fraction === undefined) return "-";
  return aboveCeiling ? `${percentText(fraction)} (above)` : percentText(fraction);
}

function variantText(variant: ReportedRate["variant"]): string {
  const values = Object.entries(variant).map(([name, value]) => `${name}=${value}`);
  return values.length === 0 ? "-" : values.join(" ");
}

function unmeasuredLine(each: Exclude<ReportedKernel, ReportedRate>, software: boolean): string {
  const mark = software ? ` (${SOFTWARE})` : "";
  switch (each.outcome) {
    case "failed":
      return `${each.kernel}${mark}: FAILED ${each.error.code}: ${sanitize(each.error.message, 1024)}`;
    case "lacking":
      return `${each.kernel}${mark}: not run, ${sanitize(each.reason)}`;
    case "skipped":
      return `${each.kernel}${mark}: not measured, ${each.reason}`;
  }
}

/** Which kernel would show the ceilings that shares lack. */
function missingText(rates: readonly ReportedRate[], known: readonly Kernel[]): string {
  const missing = new Set(rates.flatMap(({ bound }) => bound.missing));
  return [...missing]
    .map((resource) => `${resourceName(resource)}?: ${whoShows(resource, known)}`)
    .join("\n");
}

function whoShows(resource: Resource, known: readonly Kernel[]): string {
  const by = known.find(({ measures }) => measures === resource);
  return `its ceiling was not measured${by ? `; ${by.name} measures it` : ""}`;
}

function foot(report: BenchReport, rates: readonly ReportedRate[]): string {
  const { adapter, adapterName: name, software, durationSeconds, stopped } = report;
  const mark = software ? `  (${SOFTWARE}: a CPU plays GPU here; these figures are no GPU's)` : "";
  const gpuSeconds = report.kernels.reduce(
    (sum, each) => sum + ("gpuSeconds" in each ? each.gpuSeconds : 0),
    0,
  );
  const lines = [
    `adapter  ${name}${mark}`,
    `driver   ${driverText(adapter)}`,
    `timed    ${timingText(rates)}`,
    ...dataSheetLines(rates),
    `took     ${durationSeconds.toFixed(1)} s, ${gpuSeconds.toFixed(1)} s of it on the device`,
    ...(stopped ? ["stopped before the end: the rest was not measured"] : []),
  ];
  return lines.join("\n");
}

/** Where the model has a data sheet with peaks: what was reached of them. */
function dataSheetLines(rates: readonly ReportedRate[]): string[] {
  const shares = rates.flatMap(({ kernel, shareOfDataSheet: share }) =>
    share === undefined ? [] : [`${kernel} ${percentText(share)}`],
  );
  return shares.length === 0 ? [] : [`of the data sheet's peaks  ${shares.join(", ")}`];
}

/** What the driver calls itself. */
export function driverText({ description }: BenchReport["adapter"]): string {
  return description === "" ? "it does not say" : sanitize(description);
}

export function timingText(
  rates: readonly { timing?: "timestamp" | "wall" | undefined }[],
): string {
  const ways = new Set(rates.map(({ timing }) => timing));
  if (ways.size === 0) return "nothing";
  if (!ways.has("wall")) return "by the device's timestamps";
  const host = "by the host's clock, which adds the submission";
  return ways.size === 1 ? host : `some by the device's timestamps, some ${host}`;
}

/** What there is to choose from. */
export function kernelList(kernels: readonly Kernel[]): string {
  const rows = kernels.map(({ name, family, unit, measures, purpose }) => [
    name,
    family,
    unit,
    measures === undefined ? "-" : resourceName(measures),
    purpose,
  ]);
  const table = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(["kernel", "family", "unit", "ceiling", "what it is"], ...rows);
  return `${table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")}\n`;
}

export function kernelJson(kernels: readonly Kernel[]): string {
  const listed = kernels.map(({ name, family, unit, purpose, cost, measures }) => {
    return { name, family, unit, purpose, cost, measures };
  });
  return `${JSON.stringify(listed, null, 2)}\n`;
}
