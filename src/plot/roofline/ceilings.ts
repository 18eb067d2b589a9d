import type { ScaleLogarithmic } from "d3-scale";
import { resourceRateText } from "../../model/rate-text.ts";
import type { Ceiling } from "../../model/roofline.ts";
import { INK } from "../colours.ts";
import { type Box, LABEL_PX, overlaps, textWidth } from "../label-places.ts";
import { element, text, type Xml } from "../xml.ts";
import { round } from "./marks.ts";

export type LogScale = ScaleLogarithmic<number, number>;

/** Where the panel lies, and its axes. */
export interface Frame {
  /** Operations per byte. */
  x: LogScale;
  /** Operations a second. */
  y: LogScale;
  left: number;
  right: number;
  stripLeft: number;
  stripRight: number;
  top: number;
  bottom: number;
}

/** What is drawn, and what it covers. */
export interface Drawn {
  xml: Xml;
  lines: Box[];
  names: Box[];
}

const DASHES: Partial<Record<Ceiling["resource"], string>> = { "gather-byte": "6 3" };
const WORDS: Partial<Record<Ceiling["resource"], string>> = {
  "memory-byte": "memory in sequence",
  "gather-byte": "memory, scattered",
};
/** Between a line and the name along it, and from its foot to the name. */
const SIDE_PX = 2;
const FOOT_PX = 14;

/** Each arithmetic's ceiling, from where the fastest memory can feed it to the right edge. */
export function ceilingLines(
  flat: readonly Ceiling[],
  sloped: readonly Ceiling[],
  { x, y, left, right, stripLeft, stripRight }: Frame,
): Drawn {
  const fastest = Math.max(0, ...sloped.map(({ perSecond }) => perSecond));
  const lines = flat.map(({ perSecond }) => {
    const from = fastest > 0 ? Math.max(left, Math.min(right, x(perSecond / fastest))) : left;
    return { from, at: round(y(perSecond)) };
  });
  const d = lines.map(
    ({ from, at }) => `M${round(from)},${at}H${right}M${stripLeft},${at}H${stripRight}`,
  );
  const look = { stroke: INK, "stroke-width": 1.3, fill: "none" };
  return {
    xml: element("path", { d: d.join(""), ...look }),
    lines: lines.map(({ from, at }) => ({ x: from, y: at - 1, width: right - from, height: 2 })),
    names: [],
  };
}

/**
 * The memory's slopes up to the highest ceiling, with their names along them.
 * @param marks where points lie, which the names leave free
 */
export function slopes(
  sloped: readonly Ceiling[],
  flat: readonly Ceiling[],
  frame: Frame,
  marks: readonly Box[],
): Drawn {
  const inOrder = sloped.toSorted((a, b) => b.perSecond - a.perSecond);
  const drawn = inOrder.map((ceiling, i) => slope(ceiling, flat, frame, marks, i === 0));
  return {
    xml: element(
      "g",
      { "font-size": LABEL_PX },
      drawn.map(({ xml }) => xml),
    ),
    lines: drawn.flatMap(({ lines }) => lines),
    names: drawn.flatMap(({ names }) => names),
  };
}

function slope(
  ceiling: Ceiling,
  flat: readonly Ceiling[],
  { x, y }: Frame,
  marks: readonly Box[],
  isAbove: boolean,
): Drawn {
  const { resource, perSecond } = ceiling;
  const [leastX = 1, mostX = 1] = x.domain();
  const [leastY = 1, mostY = 1] = y.domain();
  const highest = Math.max(0, ...flat.map((each) => each.perSecond));
  const from = Math.max(leastX, leastY / perSecond);
  const to = Math.min(mostX, (highest > 0 ? highest : mostY) / perSecond);
  if (!(to > from)) return { xml: element("g", {}), lines: [], names: [] };
  const [x0, y0, x1, y1] = [x(from), y(from * perSecond), x(to), y(to * perSecond)];
  const ray = { x: x0, y: y0, angle: Math.atan2(y1 - y0, x1 - x0) };
  const length = Math.hypot(x1 - x0, y1 - y0);
  const name = slopeName(ceiling, ray, length, marks, isAbove);
  const d = `M${round(x0)},${round(y0)}L${round(x1)},${round(y1)}`;
  const look = { stroke: INK, "stroke-width": 1.3, "stroke-dasharray": DASHES[resource] };
  const line = element("path", { d, ...look, fill: "none" });
  return {
    xml: element("g", {}, name ? [line, name.xml] : [line]),
    lines: along(ray, 0, 0, length, 4),
    names: name?.boxes ?? [],
  };
}

interface Ray {
  x: number;
  y: number;
  /** Radians, clockwise. */
  angle: number;
}

/** On its line, as near to its foot as points allow; left out where the line is too short. */
function slopeName(
  { resource, perSecond }: Ceiling,
  ray: Ray,
  length: number,
  marks: readonly Box[],
  isAbove: boolean,
): { xml: Xml; boxes: Box[] } | undefined {
  const name = `${WORDS[resource] ?? resource}: ${resourceRateText(resource, perSecond)}`;
  const width = textWidth(name);
  const middle = isAbove ? -SIDE_PX - LABEL_PX / 2 : SIDE_PX + LABEL_PX / 2;
  const starts = Array.from({ length: 40 }, (_, i) => FOOT_PX + i * FOOT_PX);
  const places = starts
    .filter((start) => start + width < length)
    .map((start) => ({ start, boxes: along(ray, start, middle, width, LABEL_PX + 4) }));
  const isFree = (boxes: readonly Box[]): boolean =>
    !boxes.some((box) => marks.some((each) => overlaps(box, each)));
  const place = places.find(({ boxes }) => isFree(boxes)) ?? places[0];
  if (!place) return undefined;
  const turn = `translate(${round(ray.x)},${round(ray.y)}) rotate(${round((ray.angle * 180) / Math.PI)})`;
  const at = { x: place.start, y: middle + LABEL_PX * 0.35, transform: turn };
  return { xml: element("text", { ...at, fill: INK }, [text(name)]), boxes: place.boxes };
}

/** A strip beside a ray, `aside` pixels off it, as small squares. */
function along(
  { x, y, angle }: Ray,
  start: number,
  aside: number,
  length: number,
  size: number,
): Box[] {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => {
    const on = start + (i + 0.5) * size;
    const [cx, cy] = [x + on * cos - aside * sin, y + on * sin + aside * cos];
    return { x: cx - size / 2, y: cy - size / 2, width: size, height: size };
  });
}
