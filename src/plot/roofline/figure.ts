import { KERNEL_FAMILIES } from "../../model/calibration.ts";
import { percentText, resourceName, resourceRateText, siText } from "../../model/rate-text.ts";
import type { Roofline } from "../../model/roofline.ts";
import { ALARM, INK, MUTED, PAPER } from "../colours.ts";
import { darkStyle } from "../dark.ts";
import { element, text, type Xml } from "../xml.ts";
import { bars } from "./bars.ts";
import { lookOf, mark } from "./marks.ts";
import { roof } from "./roof.ts";

export interface RooflineFigure {
  /** As the adapter names itself; any text. */
  adapter: string;
  /** A CPU plays GPU. */
  software: boolean;
  roofline: Roofline;
  /** Said below the title: driver, how it was timed, what could not run. */
  notes: readonly string[];
}

const WIDTH = 1000;
const MARGIN = 20;
const LINE = 16;
const ROOF_HEIGHT = 330;
const MAX_LINE_LENGTH = 140;
const CLASS = "roofline";

/**
 * What a device gives at most, and what each kernel gets of it, as one self-contained SVG document:
 * above, operations a second over operations per byte (both in powers of ten); below, each kernel's
 * share of the ceiling that binds it. Follows the viewer's light or dark ground.
 */
export function renderRoofline(figure: RooflineFigure): string {
  const head = heading(figure);
  const above = roof(figure.roofline, head.height + 24, ROOF_HEIGHT);
  const below = bars(figure.roofline, above.bottom + 30);
  const height = below.bottom + MARGIN;
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    class: CLASS,
    role: "img",
    "aria-labelledby": "roofline-title roofline-description",
    "font-family": "system-ui, 'DejaVu Sans', Verdana, sans-serif",
  };
  const document = element("svg", root, [
    element("title", { id: "roofline-title" }, [text(titleOf(figure))]),
    element("desc", { id: "roofline-description" }, [text(describe(figure.roofline))]),
    darkStyle(CLASS),
    element("rect", { width: WIDTH, height, fill: PAPER }),
    head.xml,
    above.xml,
    below.xml,
  ]);
  return `${document.xml}\n`;
}

function titleOf({ adapter, software }: RooflineFigure): string {
  return `Roofline of ${adapter}${software ? " (SOFTWARE)" : ""}`;
}

function heading(figure: RooflineFigure): { xml: Xml; height: number } {
  const lines: Xml[] = [];
  let y = MARGIN + 14;
  const say = (content: string, style: Record<string, string | number>): void => {
    lines.push(element("text", { x: MARGIN, y, ...style }, [text(cut(content))]));
    y += LINE;
  };
  say(titleOf(figure), { "font-size": 16, "font-weight": 600, fill: INK });
  y += 3;
  if (figure.software)
    say("SOFTWARE: a CPU plays GPU here; these figures are no GPU's", {
      "font-size": 13,
      "font-weight": 700,
      fill: ALARM,
    });
  for (const note of figure.notes) say(note, { "font-size": 11, fill: MUTED });
  lines.push(legend(y + 4));
  return { xml: element("g", {}, lines), height: y + 14 };
}

function legend(y: number): Xml {
  const entries = KERNEL_FAMILIES.flatMap((family, i) => {
    const x = MARGIN + 6 + i * 110;
    return [mark(family, x, y - 4), element("text", { x: x + 12, y }, [text(lookOf(family).name)])];
  });
  return element("g", { "font-size": 11, fill: MUTED }, entries);
}

/** The picture in words. */
function describe({ ceilings, kernels }: Roofline): string {
  const limits = ceilings.map(
    ({ resource, perSecond }) =>
      `${resourceName(resource)} ${resourceRateText(resource, perSecond)}`,
  );
  const reached = kernels.map(({ measured, bound: { fraction, resource } }) => {
    const share =
      fraction === undefined || resource === undefined
        ? ""
        : `, ${percentText(fraction)} of the ceiling of ${resourceName(resource)}`;
    return `${measured.kernel} ${siText(measured.ratePerSecond, measured.unit)}${share}`;
  });
  return `Measured ceilings: ${limits.join("; ") || "none"}. Kernels: ${reached.join("; ") || "none"}.`;
}

function cut(content: string): string {
  return content.length > MAX_LINE_LENGTH ? `${content.slice(0, MAX_LINE_LENGTH)}…` : content;
}
