import { scaleUtc } from "d3-scale";
import type { Window } from "../../model/window.ts";
import { type Html, h } from "./html.ts";
import { clockText, shortDay } from "./numbers.ts";
import { cut } from "./swatch.ts";

const DAY_MS = 86_400_000;
/** Labels that fit beside each other on a desk, and of those on a phone. */
const MOST_TICKS = 9;
const EVERY_ON_PHONE = 2;

/** Percent of the width at which an instant lies. */
export function placeIn({ fromMs, toMs }: Window, atMs: number): number {
  return ((atMs - fromMs) / (toMs - fromMs)) * 100;
}

/** Round moments inside the window, no more than fit. */
export function ticksIn(window: Window): number[] {
  const scale = scaleUtc([window.fromMs, window.toMs], [0, 1]);
  for (let count = MOST_TICKS; count > 0; count--) {
    const ticks = scale.ticks(count).map(Number);
    if (ticks.length <= MOST_TICKS) return ticks;
  }
  return [];
}

/** The labels of the ticks, in UTC: a midnight names its day. */
export function timeAxis(window: Window): Html {
  const labels = ticksIn(window).map((atMs, i) => {
    const place = placeIn(window, atMs);
    const anchor = place < 3 ? "start" : place > 97 ? "end" : "middle";
    const wide = i % EVERY_ON_PHONE === 1 ? "wide" : undefined;
    return h(
      "g",
      { class: wide },
      h("line", { x1: `${cut(place)}%`, x2: `${cut(place)}%`, y1: 0, y2: 4, class: "tick" }),
      h("text", { x: `${cut(place)}%`, y: 17, "text-anchor": anchor }, tickText(atMs)),
    );
  });
  return h(
    "svg",
    { class: "axis", width: "100%", height: 22, "aria-hidden": "true", focusable: "false" },
    labels,
  );
}

function tickText(atMs: number): string {
  return atMs % DAY_MS === 0 ? shortDay(atMs) : clockText(atMs);
}

/** A step of time in words, as short as its length allows. */
export function stepText({ fromMs, toMs }: Window): string {
  const isDays = fromMs % DAY_MS === 0 && toMs % DAY_MS === 0;
  if (isDays && toMs - fromMs === DAY_MS) return shortDay(fromMs);
  if (isDays) return `${shortDay(fromMs)} to ${shortDay(toMs - DAY_MS)}`;
  const sameDay = Math.floor(fromMs / DAY_MS) === Math.floor((toMs - 1) / DAY_MS);
  const end = clockText(toMs) === "00:00" && sameDay ? "24:00" : clockText(toMs);
  return `${shortDay(fromMs)}, ${clockText(fromMs)}–${sameDay ? end : `${shortDay(toMs)}, ${end}`}`;
}
