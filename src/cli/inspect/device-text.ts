import type {
  BufferSummary,
  DeviceSummary,
  HealthSummary,
  Hole,
  QuantitySummary,
  RecordingSummary,
} from "../../collect/recording/summary/types.ts";
import { formatDuration } from "../../model/duration.ts";
import { GPU_QUANTITIES, type GpuInfo, type GpuQuantity } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { ASCII_LEVELS, BLOCKS, sparkline } from "../../plot/sparkline.ts";
import { clockReasonText, quantityText, shownAs } from "../quantities.ts";
import type { Page } from "./lines.ts";

const NAME = 20;
const FIGURE = 14;
const MAX_HOLES = 8;
const MAX_SHORT = 60;

/** One device: what it is, how it was sampled, what was measured, and its course in small. */
export function deviceLines(
  device: DeviceSummary,
  summary: RecordingSummary,
  quantities: readonly GpuQuantity[],
  page: Page,
): string[] {
  return [
    headLine(device.gpu),
    ...samplingLines(device),
    ...quantityLines(device, page),
    ...measuredLines(device.gpu, summary.devices),
    ...device.buffers.map(bufferLine),
    ...healthLines(device.health),
    ...quantities.flatMap((quantity) => sparklineOf(quantity, device, summary, page)),
  ];
}

function headLine(gpu: GpuInfo): string {
  const { index, model, uuid, memoryTotalBytes, powerLimitWatts, pciBusId } = gpu;
  const facts = [
    sanitize(model, MAX_SHORT),
    memoryTotalBytes === undefined ? undefined : quantityText("memUsedBytes", memoryTotalBytes),
    powerLimitWatts === undefined ? undefined : `limit ${powerLimitWatts} W`,
    gpu.driverVersion === undefined
      ? undefined
      : `driver ${sanitize(gpu.driverVersion, MAX_SHORT)}`,
    gpu.migProfile === undefined ? undefined : `slice ${sanitize(gpu.migProfile, MAX_SHORT)}`,
    pciBusId === undefined ? undefined : sanitize(pciBusId, MAX_SHORT),
    sanitize(uuid, MAX_SHORT),
  ];
  return `GPU ${index}  ${facts.filter((fact) => fact !== undefined).join(", ")}`;
}

function samplingLines({ samples, intervals, holes, holeCount, holeMs }: DeviceSummary): string[] {
  if (!intervals) return [`  ${samples} samples`];
  const { medianMs, p5Ms, p95Ms, maxMs } = intervals;
  const rate = medianMs > 0 ? ` (${(1000 / medianMs).toFixed(2)} a second)` : "";
  const spread = `nine in ten between ${p5Ms} and ${p95Ms} ms, ${maxMs} ms at most`;
  const lines = [
    `  ${samples} ${samples === 1 ? "sample" : "samples"}, one in ${medianMs} ms${rate}; ${spread}`,
  ];
  if (holeCount === 0) return lines;
  const longest = holes
    .toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs))
    .slice(0, MAX_HOLES)
    .sort((a, b) => a.fromMs - b.fromMs);
  const rest = holeCount - longest.length;
  const which = rest > 0 ? `; the ${longest.length} longest:` : "";
  const unsaid = holes.filter((hole) => !hole.announced).length;
  const said = unsaid === 0 ? "told of by gap lines" : `${unsaid} that no gap line tells of`;
  lines.push(
    `  ${counted(holeCount, "hole")} without a sample, ${formatDuration(holeMs)} in all, ${said}${which}`,
  );
  return [...lines, ...longest.map(holeLine)];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function holeLine({ fromMs, toMs, announced }: Hole): string {
  const length = `${((toMs - fromMs) / 1000).toFixed(1)} s`;
  return `    ${new Date(fromMs).toISOString()} ${length}${announced ? "" : ", unannounced"}`;
}

/** A table, or where that does not fit a line each. */
function quantityLines(device: DeviceSummary, { width }: Page): string[] {
  if (device.quantities.length === 0) return [];
  const isTable = width >= NAME + 2 + 4 * FIGURE;
  const title = ["in samples", "least", "mean", "most"].map((text) => text.padStart(FIGURE));
  const rows = device.quantities.map((quantity) =>
    isTable ? tableRow(quantity, device) : plainRow(quantity, device),
  );
  return [
    isTable ? `  ${" ".repeat(NAME)}${title.join("")}` : "  in samples: least / mean / most",
    ...rows,
    ...device.quantities.flatMap(reasonLine),
  ];
}

function tableRow(quantity: QuantitySummary, { samples }: DeviceSummary): string {
  const share = `${percent(quantity.count / samples)} %`;
  const cells = [share, ...figures(quantity)].map((text) => text.padStart(FIGURE)).join("");
  return `  ${quantity.quantity.padEnd(NAME)}${cells}`;
}

function plainRow(quantity: QuantitySummary, { samples }: DeviceSummary): string {
  const shown = figures(quantity).filter((text) => text !== "");
  const colon = shown.length > 0 ? ": " : "";
  return `  ${quantity.quantity} ${percent(quantity.count / samples)} %${colon}${shown.join(" / ")}`;
}

/** By which call each quantity is read; said once for devices that are measured alike. */
function measuredLines(
  { measuredWith, index }: GpuInfo,
  devices: readonly DeviceSummary[],
): string[] {
  if (!measuredWith) return [];
  const how = JSON.stringify(measuredWith);
  const same = devices.find(({ gpu }) => JSON.stringify(gpu.measuredWith) === how)?.gpu;
  if (same && same.index !== index) return [`  measured as GPU ${same.index}`];
  const byCall = new Map<string, GpuQuantity[]>();
  for (const quantity of GPU_QUANTITIES) {
    const call = measuredWith[quantity];
    if (call !== undefined) byCall.set(call, [...(byCall.get(call) ?? []), quantity]);
  }
  const texts = [...byCall].map(
    ([call, quantities]) => `${sanitize(call, MAX_SHORT)} (${quantities.join(", ")})`,
  );
  return [`  measured by: ${texts.join("; ")}`];
}

/** Of a counter only what it grew by; of a mask nothing: its bits follow. */
function figures({ quantity, grownBy, bits, min, mean, max }: QuantitySummary): string[] {
  if (grownBy !== undefined) return ["", `+${quantityText(quantity, grownBy)}`, ""];
  if (bits !== undefined) return ["", "", ""];
  return [min, mean, max].map((value) => quantityText(quantity, value));
}

function reasonLine({ bits, count }: QuantitySummary): string[] {
  if (!bits || bits.length === 0) return [];
  const texts = bits.map((each) => `${clockReasonText(each.bit)} ${percent(each.count / count)} %`);
  return [`  clock held back by: ${texts.join(", ")}`];
}

/** Whole percent, but never 0 or 100 unless it is. */
function percent(share: number): string {
  if (share > 0 && share < 0.01) return "<1";
  return share < 1 && share > 0.99 ? ">99" : (share * 100).toFixed(0);
}

function bufferLine(buffer: BufferSummary): string {
  const { signal, unit, lines, values, spacingMs, min, mean, max } = buffer;
  const spacing = spacingMs === undefined ? "" : `, one in ${spacingMs.toFixed(1)} ms`;
  const range = [min, mean, max].map((value) => value?.toFixed(2) ?? "?").join(" / ");
  const shown = `${range} ${sanitize(unit, MAX_SHORT)} least / mean / most`;
  return `  driver's buffer of ${sanitize(signal, MAX_SHORT)}: ${values} values in ${lines} lines${spacing}, ${shown}`;
}

function healthLines({ lines, counts, xids }: HealthSummary): string[] {
  if (lines === 0) return [];
  const facts = Object.entries(counts).map(([name, { first, last }]) =>
    first === last ? `${name} ${last}` : `${name} ${first} to ${last}`,
  );
  for (const [code, count] of xids) facts.push(`Xid ${code} ${count} times`);
  return [`  health, ${lines} lines: ${facts.join(", ") || "nothing measured"}`];
}

function sparklineOf(
  name: GpuQuantity,
  device: DeviceSummary,
  { fromMs, toMs, gaps }: RecordingSummary,
  page: Page,
): string[] {
  const quantity = device.quantities.find((each) => each.quantity === name);
  if (!quantity?.points || fromMs === undefined || toMs === undefined) return [];
  const { isRatio } = shownAs(name);
  const limit = name === "powerWatts" ? device.gpu.powerLimitWatts : undefined;
  const low = Math.min(0, quantity.min);
  const high = isRatio ? 1 : Math.max(quantity.max, limit ?? 0, low);
  const before = `  ${name} ${quantityText(name, low)} `.padEnd(NAME + 2);
  const after = ` ${quantityText(name, high)}`;
  const columns = Math.max(8, page.width - before.length - after.length);
  const levels = page.unicode ? BLOCKS : ASCII_LEVELS;
  const span = { fromMs, toMs, columns, low, high, levels, holes: unobserved(device, gaps) };
  return [`${before}${sparkline(quantity.points, span)}${after}`];
}

/** Holes and gaps of a device as stretches that do not overlap, in order of time. */
function unobserved(
  { gpu, holes }: DeviceSummary,
  gaps: RecordingSummary["gaps"],
): { fromMs: number; toMs: number }[] {
  const own = gaps.filter((gap) => gap.gpu === undefined || gap.gpu === gpu.index);
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of [...holes, ...own].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (last && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else joined.push({ fromMs, toMs });
  }
  return joined;
}
