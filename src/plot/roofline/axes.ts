import { siText } from "../../model/rate-text.ts";
import { FRAME, GRID, MUTED } from "../colours.ts";
import { element, text, type Xml } from "../xml.ts";
import type { Frame, LogScale } from "./ceilings.ts";
import { round } from "./marks.ts";

const MOST_TICKS = 9;

/** Frames of panel and strip, lines at powers of ten, and what they are. */
export function axes(frame: Frame): Xml {
  const { left, right, stripLeft, stripRight } = frame;
  return element("g", { fill: MUTED, "font-size": 10 }, [
    ...powersOfTen(frame.x).flatMap((value) => upright(value, frame)),
    ...powersOfTen(frame.y).flatMap((value) => level(value, frame)),
    box(left, right, frame),
    box(stripLeft, stripRight, frame),
    below(left, right, "operations per byte of device memory", frame),
    below(stripLeft, stripRight, "no device memory", frame),
  ]);
}

/** As many as there is room for, at equal distances. */
function powersOfTen(scale: LogScale): number[] {
  const [low = 0, high = 0] = scale.domain().map((value) => Math.round(Math.log10(value)));
  const every = Math.max(1, Math.ceil((high - low) / MOST_TICKS));
  const count = Math.floor((high - low) / every) + 1;
  return Array.from({ length: count }, (_, i) => Number(`1e${low + i * every}`));
}

function upright(value: number, { x, top, bottom }: Frame): Xml[] {
  const at = round(x(value));
  const label = { x: at, y: bottom + 13, "text-anchor": "middle" };
  const words = value < 1000 ? String(value) : siText(value, "").replace(/\.0+/, "").trim();
  return [
    element("path", { d: `M${at},${top}V${bottom}`, stroke: GRID }),
    element("text", label, [text(words)]),
  ];
}

function level(value: number, { y, left, right, stripLeft, stripRight }: Frame): Xml[] {
  const at = round(y(value));
  const d = `M${left},${at}H${right}M${stripLeft},${at}H${stripRight}`;
  const label = { x: left - 6, y: at + 3.5, "text-anchor": "end" };
  const words = siText(value, "op/s").replace(/\.0+/, "");
  return [element("path", { d, stroke: GRID }), element("text", label, [text(words)])];
}

function box(from: number, to: number, { top, bottom }: Frame): Xml {
  const place = { x: from, y: top, width: to - from, height: bottom - top };
  return element("rect", { ...place, fill: "none", stroke: FRAME });
}

function below(from: number, to: number, words: string, { bottom }: Frame): Xml {
  const place = { x: (from + to) / 2, y: bottom + 28, "text-anchor": "middle" };
  return element("text", place, [text(words)]);
}
