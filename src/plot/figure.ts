import { ALARM, FRAME, INK, MUTED, PAPER } from "./colours.ts";
import { panel } from "./panel.ts";
import { type TimeScale, timeLabels, timeScale } from "./time-axis.ts";
import type { PlotFigure, PlotGroup } from "./types.ts";
import { element, text, type Xml } from "./xml.ts";

const WIDTH = 1000;
const MARGIN = 20;
const PLOT_LEFT = 64;
const PLOT_RIGHT = 880;
const LINE = 17;
const PANEL_HEADING = 20;
const PANEL_HEIGHT = 62;
const PANEL_SPACE = 8;
const GROUP_HEADING = 44;
const AXIS = 22;
const MAX_TITLE_LENGTH = 110;

/**
 * A figure as one self-contained SVG document: no scripts, no fonts or pictures from elsewhere.
 * It brings its own light ground, so that dark viewers show it as it is.
 */
export function renderFigure(figure: PlotFigure): string {
  const x = timeScale(figure.fromMs, figure.toMs, PLOT_LEFT, PLOT_RIGHT);
  const head = heading(figure);
  let top = head.height;
  const groups = figure.groups.map((group) => {
    const drawn = groupOf(group, x, top);
    top += drawn.height;
    return drawn.xml;
  });
  const height = top + MARGIN;
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    role: "img",
    "aria-labelledby": "figure-title figure-description",
    "font-family": "system-ui, 'DejaVu Sans', Verdana, sans-serif",
  };
  const document = element("svg", root, [
    element("title", { id: "figure-title" }, [text(figure.title)]),
    element("desc", { id: "figure-description" }, [text(figure.description)]),
    element("defs", {}, [hatch("announced", MUTED, 45), hatch("unannounced", ALARM, 135)]),
    element("rect", { width: WIDTH, height, fill: PAPER }),
    head.xml,
    ...groups,
  ]);
  return `${document.xml}\n`;
}

function hatch(id: string, colour: string, degrees: number): Xml {
  const tile = { width: 5, height: 5, patternUnits: "userSpaceOnUse" };
  return element("pattern", { id, ...tile, patternTransform: `rotate(${degrees})` }, [
    element("path", { d: "M0,0V5", stroke: colour, "stroke-width": 1.6 }),
  ]);
}

function heading(figure: PlotFigure): { xml: Xml; height: number } {
  const lines: Xml[] = [];
  let y = MARGIN + 14;
  const say = (content: string, style: Record<string, string | number>): void => {
    lines.push(element("text", { x: MARGIN, y, ...style }, [text(cut(content))]));
    y += LINE;
  };
  say(figure.title, { "font-size": 16, "font-weight": 600, fill: INK });
  y += 3;
  if (figure.warning !== undefined)
    say(figure.warning, { "font-size": 13, "font-weight": 700, fill: ALARM });
  for (const note of figure.notes) say(note, { "font-size": 11, fill: MUTED });
  lines.push(legend(y));
  return { xml: element("g", {}, lines), height: y + 10 };
}

/** What the marks mean; line colours are named at each line. */
function legend(y: number): Xml {
  const entry = (x: number, swatch: Xml[], label: string): Xml[] => [
    ...swatch,
    element("text", { x: x + 30, y }, [text(label)]),
  ];
  const box = (x: number): { x: number; y: number; width: number; height: number } => {
    return { x, y: y - 9, width: 24, height: 10 };
  };
  const line = element("path", { d: `M${MARGIN},${y - 4}h24`, stroke: INK, "stroke-width": 1.4 });
  const shade = element("rect", { ...box(MARGIN), fill: INK, "fill-opacity": 0.22 });
  const band = (x: number, id: string): Xml =>
    element("rect", { ...box(x), fill: `url(#${id})`, stroke: FRAME });
  return element("g", { "font-size": 11, fill: MUTED }, [
    ...entry(MARGIN, [shade, line], "mean, shaded from least to most"),
    ...entry(270, [band(270, "announced")], "nobody measured: a gap line says so"),
    ...entry(540, [band(540, "unannounced")], "no sample, and no line says why"),
  ]);
}

function groupOf(group: PlotGroup, x: TimeScale, top: number): { xml: Xml; height: number } {
  const title = element("tspan", { "font-weight": 600, fill: INK }, [text(cut(group.title))]);
  const subtitle = element("tspan", { fill: MUTED, "font-size": 10, dx: 8 }, [
    text(cut(group.subtitle)),
  ]);
  const parts: Xml[] = [
    element("path", { d: `M${MARGIN},${top + 4}H${WIDTH - MARGIN}`, stroke: FRAME }),
    element("text", { x: MARGIN, y: top + 24, "font-size": 13 }, [title, subtitle]),
  ];
  let y = top + GROUP_HEADING - PANEL_HEADING + 8;
  for (const chart of group.charts) {
    y += PANEL_HEADING;
    parts.push(panel(chart, group.bands, x, { top: y, height: PANEL_HEIGHT }));
    y += PANEL_HEIGHT + PANEL_SPACE;
  }
  parts.push(timeLabels(x, y + 8));
  return { xml: element("g", {}, parts), height: y + AXIS - top };
}

function cut(content: string): string {
  return content.length > MAX_TITLE_LENGTH ? `${content.slice(0, MAX_TITLE_LENGTH)}…` : content;
}
