import type { GapObservation } from "../../model/observation.ts";
import type {
  CollectorSummary,
  RecordingSummary,
  SightingSummary,
} from "../../collect/recording/summary/types.ts";
import { formatDuration } from "../../model/duration.ts";
import type { GpuQuantity } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { deviceLines } from "./device-text.ts";
import type { Inspection } from "./inspection.ts";
import { asciiOnly, type Page, wrapped } from "./lines.ts";

/** How many gaps are written out before the rest is only counted. */
const MAX_GAPS = 12;
const MAX_SHORT = 60;

/** An inspection for people: everything that is known of a recording, and its course in small. */
export function inspectionText(
  inspection: Inspection,
  quantities: readonly GpuQuantity[],
  page: Page,
): string {
  const { summary } = inspection;
  const lines = [
    ...headLines(inspection),
    ...summary.devices.flatMap((device) => ["", ...deviceLines(device, summary, quantities, page)]),
    ...(summary.devicesLeftOut > 0 ? ["", `${summary.devicesLeftOut} more GPUs are left out`] : []),
  ];
  const text = `${lines.flatMap((line) => wrapped(line, page.width)).join("\n")}\n`;
  return page.unicode ? text : asciiOnly(text);
}

function headLines({ file, lines, kinds, summary, warnings }: Inspection): string[] {
  const { node, source, intervalMs, simulated } = summary;
  const byKind = [...kinds].map(([kind, count]) => `${sanitize(kind, MAX_SHORT)} ${count}`);
  return [
    sanitize(file),
    ...(simulated ? ["*** SIMULATED: these figures come from no real device ***"] : []),
    `node       ${sanitize(node, MAX_SHORT)}, measured by ${sanitize(source, MAX_SHORT)} every ${formatDuration(intervalMs)}`,
    `span       ${spanText(summary)}`,
    `overhead   ${overheadText(summary)}`,
    `lines      ${lines}: ${byKind.join(", ")}`,
    ...sightingLines(summary),
    ...gapLines(summary),
    ...summary.collectors.map(collectorLine),
    ...warnings.map(
      ({ code, subject, count, firstPlace }) =>
        `warning    ${code} (${subject}), ${count} times, first at ${sanitize(firstPlace)}`,
    ),
  ];
}

function spanText({ fromMs, toMs }: RecordingSummary): string {
  if (fromMs === undefined || toMs === undefined) return "nothing in it has a time";
  return `${instant(fromMs)} to ${instant(toMs)}, ${formatDuration(toMs - fromMs)}`;
}

function overheadText({ overhead }: RecordingSummary): string {
  if (!overhead) return "not measured when it was recorded";
  const { readings, meanMs, maxMs, cpuMs } = overhead;
  const cpu = cpuMs === undefined ? "" : `, ${cpuMs.toFixed(2)} ms of processor time each`;
  return `a reading took ${meanMs.toFixed(2)} ms, ${maxMs.toFixed(2)} ms at most (of ${readings})${cpu}`;
}

function sightingLines({ devices, host }: RecordingSummary): string[] {
  const device = devices.map(({ processes }) => processes).filter(({ lists }) => lists > 0);
  const lines = devices.flatMap(({ gpu, processes }) =>
    processes.lists > 0 ? [`processes  on GPU ${gpu.index}: ${sightingText(processes)}`] : [],
  );
  if (device.length === 0) lines.push("processes  nobody looked who was on the GPUs");
  if (host.lists > 0) lines.push(`           beside them: ${sightingText(host)}`);
  return lines;
}

function sightingText(seen: SightingSummary): string {
  const { pids, isLowerBound, lists, emptyLists, mostAtOnce, exited } = seen;
  const parts = [`${lists} lists`, `${emptyLists} of them empty`, `${mostAtOnce} at most at once`];
  if (exited > 0) parts.push(`${exited} times already gone`);
  return `${isLowerBound ? "more than " : ""}${pids} seen (${parts.join(", ")})`;
}

function gapLines({ gaps, gapCount }: RecordingSummary): string[] {
  if (gapCount === 0) return ["gaps       none is told of"];
  const longest = gaps
    .toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs))
    .slice(0, MAX_GAPS)
    .sort((a, b) => a.fromMs - b.fromMs);
  const rest = gapCount - longest.length;
  return [
    `gaps       ${gapCount}${rest > 0 ? `; the ${longest.length} longest:` : ""}`,
    ...longest.map(gapLine),
  ];
}

function gapLine({ source, gpu, fromMs, toMs, reason }: GapObservation): string {
  const whose = gpu === undefined ? "" : ` GPU ${gpu}`;
  const length = `${((toMs - fromMs) / 1000).toFixed(1)} s`;
  return `           ${instant(fromMs)} ${length} (${sanitize(source, MAX_SHORT)}${whose}): ${sanitize(reason)}`;
}

function collectorLine(collector: CollectorSummary): string {
  const { name, state, detail, readings, failures, drops } = collector;
  const mean = collector.meanDurationMs;
  const most = collector.maxDurationMs;
  const cost = mean === undefined ? "" : `, ${mean.toFixed(2)} ms each`;
  const worst = most === undefined ? "" : `, ${most.toFixed(2)} ms at most`;
  return `collector  ${sanitize(name, MAX_SHORT)} is ${sanitize(state, MAX_SHORT)}: ${readings} readings, ${failures} failed, ${drops} dropped${cost}${worst}; ${sanitize(detail)}`;
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
