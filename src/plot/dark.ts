import { ALARM, FRAME, GRID, INK, MUTED, PAPER, SERIES } from "./colours.ts";
import { element, text, type Xml } from "./xml.ts";

/** The colours' counterparts on a dark ground: lighter, and apart in the same way. */
const DARK: ReadonlyMap<string, string> = new Map([
  [INK, "#e8e8e8"],
  [MUTED, "#a9adb4"],
  [GRID, "#2a2e35"],
  [FRAME, "#585e68"],
  [PAPER, "#14171c"],
  [ALARM, "#ff8a70"],
  [SERIES[0], "#56b4e9"],
  [SERIES[1], "#f09a4a"],
  [SERIES[2], "#3fc79a"],
  [SERIES[3], "#e58cc0"],
  [SERIES[4], "#b9bdc4"],
]);

/**
 * Makes the elements within `.name` dark where the viewer's system is. Colours stay attributes, so
 * what knows no style sheets shows the light ones.
 */
export function darkStyle(name: string): Xml {
  const rules = [...DARK].flatMap(([light, dark]) =>
    ["fill", "stroke"].map((what) => `.${name} [${what}="${light}"]{${what}:${dark}}`),
  );
  return element("style", {}, [text(`@media (prefers-color-scheme:dark){${rules.join("")}}`)]);
}
