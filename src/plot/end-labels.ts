import { element, text, type Xml } from "./xml.ts";

/** A line's name, at the height at which the line ends. */
export interface EndLabel {
  name: string;
  y: number;
  colour: string;
}

const LINE_PX = 12;
const LEADER_PX = 10;
/** From the middle of a text to its baseline. */
const BASELINE_PX = 3.5;

/** Names right of a panel, moved apart where they would overlap, each tied to its line's end. */
export function endLabels(
  labels: readonly EndLabel[],
  right: number,
  top: number,
  bottom: number,
): Xml {
  const marks = spread(labels, top, bottom).flatMap(({ name, y, colour, at }) => {
    const d = `M${right},${round(y)}l${LEADER_PX},${round(at - y)}`;
    const place = { x: right + LEADER_PX + 3, y: at + BASELINE_PX };
    return [
      element("path", { d, stroke: colour, "stroke-width": 0.8, fill: "none" }),
      element("text", { ...place, fill: colour }, [text(name)]),
    ];
  });
  return element("g", { "font-size": 10 }, marks);
}

/** The same labels with a height of their own each, in order, at least a line apart. */
export function spread<T extends { y: number }>(
  labels: readonly T[],
  top: number,
  bottom: number,
): (T & { at: number })[] {
  const inOrder = labels.toSorted((a, b) => a.y - b.y);
  const placed: (T & { at: number })[] = [];
  for (const label of inOrder) {
    const free = (placed.at(-1)?.at ?? Number.NEGATIVE_INFINITY) + LINE_PX;
    placed.push({ ...label, at: Math.max(label.y, free, top) });
  }
  // Those pushed out at the bottom push the others back up.
  let limit = bottom;
  for (const label of placed.toReversed()) {
    label.at = Math.min(label.at, limit);
    limit = label.at - LINE_PX;
  }
  return placed;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
