import { basename } from "node:path";
import type {
  DeviceSummary,
  Hole,
  QuantitySummary,
  RecordingSummary,
} from "../../collect/recording/summary/types.ts";
import { formatDuration } from "../../model/duration.ts";
import type { GapObservation } from "../../model/observation.ts";
import type { GpuQuantity } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import type { PlotBand, PlotChart, PlotFigure, PlotGroup } from "../../plot/types.ts";
import { shownAs } from "../quantities.ts";
import type { Inspection } from "./inspection.ts";

/** Panels of several quantities; those that were not measured are left out. */
const PANELS: readonly (readonly [string, readonly GpuQuantity[]])[] = [
  ["power", ["powerWatts"]],
  ["utilisation", ["gpuUtil", "memUtil"]],
  ["activity", ["smActive", "smOccupancy", "tensorActive", "dramActive"]],
  ["pipes", ["fp64Active", "fp32Active", "fp16Active", "intActive"]],
  ["tensor pipe", ["hmmaActive", "immaActive", "dfmaActive"]],
];

/** All quantities that a figure without a choice may show. */
export const FIGURE_QUANTITIES: readonly GpuQuantity[] = PANELS.flatMap(([, names]) => names);

/** @param chosen a panel for each of these; the usual panels where absent */
export function inspectionFigure(
  { file, summary, lines }: Inspection,
  chosen?: readonly GpuQuantity[],
): PlotFigure {
  const { fromMs = 0, toMs = 0, simulated, node, source, devices, intervalMs } = summary;
  const span = `${instant(fromMs)} to ${instant(toMs)} UTC (${formatDuration(toMs - fromMs)})`;
  const panels = chosen?.map((name) => [name, [name]] as const) ?? PANELS;
  const what = `node ${sanitize(node, 60)}, measured by ${sanitize(source, 60)} every ${formatDuration(intervalMs)}`;
  return {
    title: sanitize(basename(file), 90),
    description: `${devices.length} GPUs of ${what}, ${span}: ${lines} lines.${simulated ? " Simulated." : ""}`,
    notes: [what, span],
    warning: simulated ? "SIMULATED: these figures come from no real device" : undefined,
    fromMs,
    toMs,
    groups: devices.map((device) => groupOf(device, summary, panels)),
  };
}

function groupOf(
  device: DeviceSummary,
  { gaps }: RecordingSummary,
  panels: readonly (readonly [string, readonly GpuQuantity[]])[],
): PlotGroup {
  const { gpu, quantities, samples } = device;
  return {
    title: `GPU ${gpu.index}  ${sanitize(gpu.model, 60)}`,
    subtitle: samples === 0 ? `${sanitize(gpu.uuid, 60)}: no sample` : sanitize(gpu.uuid, 60),
    charts: panels.flatMap(([title, names]) => chartOf(title, names, quantities, device)),
    bands: [
      ...gaps.filter((gap) => gap.gpu === undefined || gap.gpu === gpu.index).map(gapBand),
      ...device.holes.filter((hole) => !hole.announced).map(holeBand),
    ],
  };
}

function chartOf(
  title: string,
  names: readonly GpuQuantity[],
  quantities: readonly QuantitySummary[],
  { gpu }: DeviceSummary,
): PlotChart[] {
  const series = names.flatMap((name) => {
    const points = quantities.find(({ quantity }) => quantity === name)?.points;
    return points ? [{ name, points }] : [];
  });
  const [first] = series;
  if (!first) return [];
  const { unit, scale, isRatio } = shownAs(first.name);
  const limit = first.name === "powerWatts" ? gpu.powerLimitWatts : undefined;
  return [
    {
      title,
      unit,
      scale,
      ...(isRatio && { domain: [0, 1.04] as const }),
      series,
      references: limit === undefined ? [] : [{ name: `limit ${limit} W`, value: limit }],
    },
  ];
}

function gapBand({ source, fromMs, toMs, reason }: GapObservation): PlotBand {
  const title = `${seconds(fromMs, toMs)} (${sanitize(source, 60)}): ${sanitize(reason)}`;
  return { fromMs, toMs, announced: true, title };
}

function holeBand({ fromMs, toMs }: Hole): PlotBand {
  const title = `no sample for ${seconds(fromMs, toMs)}, and no gap line says why`;
  return { fromMs, toMs, announced: false, title };
}

function seconds(fromMs: number, toMs: number): string {
  return `${((toMs - fromMs) / 1000).toFixed(1)} s`;
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
}
