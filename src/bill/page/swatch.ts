import { type Child, type Html, h } from "./html.ts";
import { PATTERNS } from "./palette.ts";
import { STATES, STATE_WORDS, type State } from "./states.ts";

/** Patterns of all states, once in a page; its pictures refer to them by name. */
export function patternDefinitions(): Html {
  const size = 8;
  return h(
    "svg",
    { class: "definitions", width: 0, height: 0, "aria-hidden": "true", focusable: "false" },
    h(
      "defs",
      {},
      STATES.map((state) => {
        const { path, width, open } = PATTERNS[state];
        const tile = { width: size, height: size, patternUnits: "userSpaceOnUse" };
        const ground = open === true ? "ground-paper" : `fill-${state}`;
        const mark = open === true ? `mark-${state}` : "mark-paper";
        return h(
          "pattern",
          { id: `p-${state}`, ...tile },
          h("rect", { width: size, height: size, class: ground }),
          path === "" ? undefined : h("path", { d: path, class: mark, "stroke-width": width }),
        );
      }),
    ),
  );
}

export function fillOf(state: State): string {
  return `url(#p-${state})`;
}

/** What stands beside a state's word wherever it is named. */
export function swatch(state: State): Html {
  return h(
    "svg",
    { class: "swatch", width: 14, height: 14, "aria-hidden": "true", focusable: "false" },
    h("rect", { x: 0.5, y: 0.5, width: 13, height: 13, rx: 2, fill: fillOf(state), class: "edge" }),
  );
}

export function stateName(state: State): Html {
  return h("span", { class: "state" }, swatch(state), STATE_WORDS[state].name);
}

/** A row of words with their swatches. */
export function legend(states: readonly State[], ...more: readonly Child[]): Html {
  return h(
    "ul",
    { class: "legend" },
    states.map((state) => h("li", {}, stateName(state))),
    more.map((each) => h("li", {}, each)),
  );
}

/** One bar that is as long as its parts: a picture of what a row's figures say. */
export function mixBar(
  states: ReadonlyMap<State, number>,
  scaleMs: number,
  height: number,
  label?: string,
): Html {
  let at = 0;
  const rects = STATES.flatMap((state) => {
    const ms = states.get(state) ?? 0;
    if (ms <= 0 || scaleMs <= 0) return [];
    const [x, width] = [(at / scaleMs) * 100, (ms / scaleMs) * 100];
    at += ms;
    const place = { x: `${cut(x)}%`, width: `${cut(width)}%`, y: 0, height };
    return h("rect", { ...place, fill: fillOf(state), class: "part" });
  });
  const role =
    label === undefined ? { "aria-hidden": "true" } : { role: "img", "aria-label": label };
  return h("svg", { class: "mix", height, width: "100%", focusable: "false", ...role }, rects);
}

export function cut(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
