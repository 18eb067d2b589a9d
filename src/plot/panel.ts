import { max, min } from "d3-array";
import { type ScaleLinear, scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { ALARM, FRAME, GRID, INK, MUTED, PAPER, seriesColour } from "./colours.ts";
import { endLabels } from "./end-labels.ts";
import { type TimeScale, timeGrid } from "./time-axis.ts";
import type { PlotBand, PlotChart, PlotPoint, PlotSeries } from "./types.ts";
import { element, text, type Xml } from "./xml.ts";

/** Where a panel lies, in pixels. */
export interface PanelPlace {
  top: number;
  height: number;
}

type ValueScale = ScaleLinear<number, number>;

/** A hole narrower than this would not be seen. */
const MIN_BAND_PX = 2;
const HATCHED_PX = 6;
/** Values closer together than this are one value: no axis has ticks between them. */
const LEAST_EXTENT = 1e-9;
const Y_TICKS = 3;

/** One chart: frame, grid, lines with their extremes, stretches nobody measured, and names. */
export function panel(
  chart: PlotChart,
  bands: readonly PlotBand[],
  x: TimeScale,
  place: PanelPlace,
): Xml {
  const { top, height } = place;
  const bottom = top + height;
  const [left = 0, right = 0] = x.range();
  const y = scaleLinear(domainOf(chart), [bottom, top]);
  const frame = { x: left, y: top, width: right - left, height, fill: "none", stroke: FRAME };
  const heading = `${chart.title}, ${chart.unit}`;
  return element("g", {}, [
    element("text", { x: left, y: top - 5, fill: INK, "font-size": 11 }, [text(heading)]),
    timeGrid(x, top, bottom),
    valueAxis(y, chart.scale, left, right),
    ...(chart.references ?? []).map(({ value }) => referenceLine(y(value), left, right)),
    ...chart.series.map((series, n) => extremes(series, x, y, seriesColour(n))),
    ...chart.series.map((series, n) => course(series, x, y, seriesColour(n))),
    ...bands.flatMap((band) => bandMark(band, x, place)),
    element("rect", frame),
    endLabels(labelsOf(chart, y), right, top, bottom),
  ]);
}

function domainOf({ domain, series, references = [] }: PlotChart): [number, number] {
  if (domain) return [domain[0], domain[1]];
  const points = series.flatMap((each) => each.points);
  const held = max(references, ({ value }) => value) ?? 0;
  const top = Math.max(held, max(points, (point) => point.max) ?? 1);
  const low = Math.min(0, min(points, (point) => point.min) ?? 0);
  // A little air above, so that the highest line is not drawn over by the frame.
  return [low, top - low > LEAST_EXTENT ? top + 0.05 * (top - low) : low + 1];
}

function valueAxis(y: ValueScale, scale: number, left: number, right: number): Xml {
  const shown = scaleLinear(
    y.domain().map((value) => value * scale),
    y.range(),
  );
  const format = shown.tickFormat(Y_TICKS);
  const ticks = shown.ticks(Y_TICKS).map((value) => {
    const at = shown(value);
    const label = { x: left - 6, y: at + 3.5, "text-anchor": "end" };
    return element("g", {}, [
      element("path", { d: `M${left},${round(at)}H${right}`, stroke: GRID }),
      element("text", label, [text(format(value))]),
    ]);
  });
  return element("g", { fill: MUTED, "font-size": 10 }, ticks);
}

function referenceLine(y: number, left: number, right: number): Xml {
  const d = `M${left},${round(y)}H${right}`;
  return element("path", { d, stroke: MUTED, "stroke-dasharray": "5 3", fill: "none" });
}

/** From the least to the most of each point: what the mean hides. */
function extremes({ points }: PlotSeries, x: TimeScale, y: ValueScale, colour: string): Xml {
  const shape = area<PlotPoint>((point) => x(middleOf(point)))
    .y0((point) => y(point.min))
    .y1((point) => y(point.max))
    .digits(1);
  const d = unbroken(points)
    .filter((run) => run.some((point) => point.max > point.min))
    .map((run) => shape(run) ?? "")
    .join("");
  return element("path", { d, fill: colour, "fill-opacity": 0.22, stroke: "none" });
}

/** The mean, broken at every hole. Round ends make a single point between two holes a dot. */
function course({ points, name }: PlotSeries, x: TimeScale, y: ValueScale, colour: string): Xml {
  const shape = line<PlotPoint>(
    (point) => x(middleOf(point)),
    (point) => y(point.mean),
  ).digits(1);
  const d = unbroken(points)
    .map((run) => shape(run) ?? "")
    .join("");
  const stroke = { stroke: colour, "stroke-width": 1.4, fill: "none" };
  const ends = { "stroke-linejoin": "round", "stroke-linecap": "round" };
  return element("path", { d, ...stroke, ...ends }, [element("title", {}, [text(name)])]);
}

/** Paper, then hatching: nothing shines through that could be taken for a measurement. */
function bandMark(band: PlotBand, x: TimeScale, { top, height }: PanelPlace): Xml[] {
  const [left = 0, right = 0] = x.range();
  const from = Math.max(left, Math.min(right, x(band.fromMs)));
  const to = Math.max(left, Math.min(right, x(band.toMs)));
  const width = Math.min(Math.max(to - from, MIN_BAND_PX), right - left);
  const box = { x: Math.min(from, right - width), y: top, width, height };
  const title = element("title", {}, [text(band.title)]);
  // Too narrow for hatching: a plain strip of its colour.
  const fill =
    width < HATCHED_PX
      ? { fill: band.announced ? MUTED : ALARM, "fill-opacity": 0.45 }
      : { fill: `url(#${band.announced ? "announced" : "unannounced"})` };
  return [element("rect", { ...box, fill: PAPER }), element("rect", { ...box, ...fill }, [title])];
}

function labelsOf(chart: PlotChart, y: ValueScale): { name: string; y: number; colour: string }[] {
  const lines = chart.series.flatMap(({ name, points }, n) => {
    const last = points.at(-1);
    return last ? [{ name, y: y(last.mean), colour: seriesColour(n) }] : [];
  });
  const references = (chart.references ?? []).map(({ name, value }) => {
    return { name, y: y(value), colour: MUTED };
  });
  return [...references, ...lines];
}

/** The runs of points that a line may join. */
function unbroken(points: readonly PlotPoint[]): PlotPoint[][] {
  const runs: PlotPoint[][] = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run && !point.afterHole) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

function middleOf({ fromMs, toMs }: PlotPoint): number {
  return (fromMs + toMs) / 2;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
