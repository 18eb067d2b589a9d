import { type ScaleTime, scaleUtc } from "d3-scale";
import { GRID, MUTED } from "./colours.ts";
import { element, text, type Xml } from "./xml.ts";

export type TimeScale = ScaleTime<number, number>;

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Room a tick's label takes. */
const TICK_PX = 76;

/** Unix milliseconds to pixels; an empty span is drawn as one second. */
export function timeScale(fromMs: number, toMs: number, left: number, right: number): TimeScale {
  return scaleUtc([fromMs, Math.max(toMs, fromMs + SECOND_MS)], [left, right]);
}

/** Vertical lines at the ticks, from `top` to `bottom`. */
export function timeGrid(x: TimeScale, top: number, bottom: number): Xml {
  const path = ticksOf(x)
    .map((at) => `M${px(x(at))},${top}V${bottom}`)
    .join("");
  return element("path", { d: path, stroke: GRID, fill: "none" });
}

/** The ticks' labels in UTC, with their baseline at `y`. */
export function timeLabels(x: TimeScale, y: number): Xml {
  const format = x.tickFormat(10, formatOf(x));
  const labels = ticksOf(x).map((at) =>
    element("text", { x: px(x(at)), y, "text-anchor": "middle" }, [text(format(at))]),
  );
  const [, right = 0] = x.range();
  const zone = element("text", { x: right + 10, y }, [text("UTC")]);
  return element("g", { fill: MUTED, "font-size": 10 }, [...labels, zone]);
}

/** As many round moments as labels fit beside each other. */
function ticksOf(x: TimeScale): Date[] {
  const [left = 0, right = 0] = x.range();
  const most = Math.max(2, Math.floor((right - left) / TICK_PX));
  for (let count = most; count > 1; count -= 1) {
    const ticks = x.ticks(count);
    if (ticks.length <= most) return ticks;
  }
  return x.ticks(1);
}

/** No finer than the ticks are. */
function formatOf(x: TimeScale): string {
  const [from = 0, to = 0] = x.domain().map(Number);
  const [first = 0, second = 0] = ticksOf(x).map(Number);
  const stepMs = second - first;
  if (to - from > 60 * DAY_MS) return "%Y-%m-%d";
  if (to - from > DAY_MS) return "%d %b %H:%M";
  if (stepMs % MINUTE_MS === 0) return "%H:%M";
  return stepMs % SECOND_MS === 0 ? "%H:%M:%S" : "%H:%M:%S.%L";
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}
