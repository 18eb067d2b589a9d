import { percentText } from "../../model/rate-text.ts";
import type { Placed, Roofline } from "../../model/roofline.ts";
import { PAPER } from "../colours.ts";
import type { EndLabel } from "../end-labels.ts";
import { LABEL_PX, placeLabels, type Taken } from "../label-places.ts";
import { element, text, type Xml } from "../xml.ts";
import type { Frame } from "./ceilings.ts";
import { lookOf, mark, round } from "./marks.ts";

/** Side by side, where marks would cover each other. */
const COLUMN_PX = 15;
const INSET_PX = 2;

/** Keeps a name readable where it lies on a line. */
const HALO = { stroke: PAPER, "stroke-width": 5, "paint-order": "stroke" };

/** A kernel on the picture; without an intensity it belongs to the strip. */
export interface Point {
  kernel: Placed;
  operationsPerSecond: number;
  operationsPerByte: number | undefined;
}

/** A kernel that is an arithmetic ceiling is a line, not a point as well. */
export function pointsOf({ kernels }: Roofline): Point[] {
  return kernels.flatMap((kernel) => {
    const { operationsPerSecond = 0, operationsPerByte, bound } = kernel;
    const isLine = bound.isCeiling && operationsPerByte === undefined;
    if (isLine || !(operationsPerSecond > 0 && Number.isFinite(operationsPerSecond))) return [];
    return [{ kernel, operationsPerSecond, operationsPerByte }];
  });
}

/** A point with an intensity, in pixels. */
export interface InsidePoint {
  kernel: Placed;
  name: string;
  x: number;
  y: number;
}

export function insidePoints(points: readonly Point[], { x, y }: Frame): InsidePoint[] {
  return points.flatMap(({ kernel, operationsPerSecond, operationsPerByte }) =>
    operationsPerByte === undefined
      ? []
      : [{ kernel, name: nameOf(kernel), x: x(operationsPerByte), y: y(operationsPerSecond) }],
  );
}

/** Marks with their names beside them, away from `taken`. */
export function insideMarks(
  points: readonly InsidePoint[],
  { left, right, top, bottom }: Frame,
  taken: Taken,
): Xml {
  const within = {
    x: left + INSET_PX,
    y: top + INSET_PX,
    width: right - left - 2 * INSET_PX,
    height: bottom - top - 2 * INSET_PX,
  };
  const labels = placeLabels(points, within, taken);
  const named = points.flatMap(({ kernel, name, x, y }, i) => {
    const label = labels[i];
    if (!label) return [];
    const { family } = kernel.measured;
    const fill = lookOf(family).colour;
    const d = `M${round(x)},${round(y)}L${round(label.tieX)},${round(label.tieY)}`;
    return [
      ...(label.isFar ? [element("path", { d, stroke: fill, "stroke-width": 0.6 })] : []),
      mark(family, x, y),
      element("text", { x: round(label.x), y: round(label.y), fill, ...HALO }, [text(name)]),
    ];
  });
  return element("g", { "font-size": LABEL_PX }, named);
}

/** The points of the strip, whose names go to its right edge. */
export function stripMarks(
  points: readonly Point[],
  { y, stripLeft, stripRight }: Frame,
): { marks: Xml[]; labels: EndLabel[] } {
  const inOrder = points
    .filter((point) => point.operationsPerByte === undefined)
    .map(({ kernel, operationsPerSecond }) => ({ kernel, at: y(operationsPerSecond) }))
    .toSorted((a, b) => a.at - b.at);
  const columns = Math.floor((stripRight - stripLeft) / COLUMN_PX) - 1;
  let column = 0;
  let last = Number.NEGATIVE_INFINITY;
  const drawn = inOrder.map(({ kernel, at }) => {
    column = at - last < COLUMN_PX ? (column + 1) % columns : 0;
    last = at;
    return stripMark(kernel, stripLeft + (column + 1) * COLUMN_PX, at, stripRight);
  });
  return { marks: drawn.map(({ xml }) => xml), labels: drawn.map(({ label }) => label) };
}

function stripMark(
  kernel: Placed,
  x: number,
  y: number,
  right: number,
): { xml: Xml; label: EndLabel } {
  const { family } = kernel.measured;
  const { colour } = lookOf(family);
  const tie = { stroke: colour, "stroke-width": 0.6, "stroke-dasharray": "1 3" };
  const line = element("path", { d: `M${x},${round(y)}H${right}`, ...tie });
  const label = { name: nameOf(kernel), y, colour };
  return { xml: element("g", {}, [line, mark(family, x, y)]), label };
}

function nameOf({ measured, bound: { fraction, isCeiling } }: Placed): string {
  return fraction === undefined || isCeiling
    ? measured.kernel
    : `${measured.kernel} ${percentText(fraction)}`;
}
