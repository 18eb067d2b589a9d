import { scaleLinear } from "d3-scale";
import { percentText, resourceName, siText } from "../../model/rate-text.ts";
import type { Bound, Placed, Roofline } from "../../model/roofline.ts";
import { FRAME, GRID, INK, MUTED } from "../colours.ts";
import { element, text, type Xml } from "../xml.ts";
import { lookOf, mark, round } from "./marks.ts";

const MARGIN = 20;
const LEFT = 150;
const RIGHT = 620;
const TEXT_LEFT = RIGHT + 14;
const ROW = 18;
const BAR = 10;
const AXIS = 20;
const MAX_NAME_LENGTH = 20;

/** Each kernel's share of the ceiling that binds it, as a bar, with its rate in words. */
export function bars({ kernels }: Roofline, top: number): { xml: Xml; bottom: number } {
  const bottom = top + kernels.length * ROW;
  const most = Math.max(1, ...kernels.map(({ bound }) => bound.fraction ?? 0));
  const x = scaleLinear([0, most], [LEFT, RIGHT]);
  const heading = "share of the ceiling that binds the kernel, and its rate";
  const rows = kernels.map((kernel, i) => row(kernel, x, top + (i + 0.5) * ROW));
  const xml = element("g", {}, [
    element("text", { x: MARGIN, y: top - 8, fill: INK, "font-size": 11 }, [text(heading)]),
    axis(x, top, bottom),
    ...rows,
    // All of the ceiling: what lies beyond it needs an explanation.
    element("path", { d: `M${round(x(1))},${top}V${bottom}`, stroke: INK, "stroke-width": 1 }),
  ]);
  return { xml, bottom: bottom + AXIS };
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

function axis(x: Scale, top: number, bottom: number): Xml {
  const ticks = x.ticks(5).map((value) => {
    const at = round(x(value));
    const label = { x: at, y: bottom + 13, "text-anchor": "middle" };
    return element("g", {}, [
      element("path", { d: `M${at},${top}V${bottom}`, stroke: GRID }),
      element("text", label, [text(`${Math.round(value * 100)} %`)]),
    ]);
  });
  const base = element("path", { d: `M${LEFT},${top}V${bottom}`, stroke: FRAME });
  return element("g", { fill: MUTED, "font-size": 10 }, [...ticks, base]);
}

function row({ measured, bound }: Placed, x: Scale, y: number): Xml {
  const { family, kernel, ratePerSecond, unit } = measured;
  const { colour } = lookOf(family);
  const { fraction } = bound;
  const name =
    kernel.length > MAX_NAME_LENGTH ? `${kernel.slice(0, MAX_NAME_LENGTH - 1)}…` : kernel;
  const bar =
    fraction === undefined
      ? []
      : [
          element("rect", {
            x: LEFT,
            y: y - BAR / 2,
            width: Math.max(1, x(fraction) - LEFT),
            height: BAR,
            fill: colour,
            // A ceiling is all of itself: pale, for that is no achievement.
            "fill-opacity": bound.isCeiling ? 0.3 : 0.85,
          }),
        ];
  const rate = `${siText(ratePerSecond, unit)}: ${boundText(bound)}`;
  return element("g", { "font-size": 10, fill: INK }, [
    mark(family, MARGIN + 6, y),
    element("text", { x: MARGIN + 18, y: y + 3.5 }, [text(name)]),
    ...bar,
    element("text", { x: TEXT_LEFT, y: y + 3.5 }, [text(rate)]),
  ]);
}

function boundText({ fraction, resource, isCeiling, aboveCeiling, missing }: Bound): string {
  const names = missing.map(resourceName).join(", ");
  if (fraction === undefined || resource === undefined)
    return names ? `${names} not measured` : "no ceiling applies";
  const more = names ? `; ${names} not measured` : "";
  if (isCeiling) return `the ${resourceName(resource)} ceiling${more}`;
  const above = aboveCeiling ? ", above it" : "";
  return `${percentText(fraction)} of ${resourceName(resource)}${above}${more}`;
}
