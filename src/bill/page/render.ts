import { sha256 } from "@noble/hashes/sha2.js";
import { answer } from "./answer.ts";
import { byModel, byOwner, byState } from "./breakdowns.ts";
import { reconciliation } from "./foot.ts";
import { gaps } from "./gaps.ts";
import { pageHead, titleOf } from "./head.ts";
import { heatMap } from "./heat-map.ts";
import { type Html, h } from "./html.ts";
import { figuresFor } from "./numbers.ts";
import { overTime } from "./over-time.ts";
import { prices } from "./prices.ts";
import { pageStyle } from "./style.ts";
import { confidence } from "./sure.ts";
import { patternDefinitions } from "./swatch.ts";
import type { PageData } from "./types.ts";
import { waste } from "./waste.ts";

const STYLE = pageStyle();

/** The page may style itself and do nothing else: load nothing, run nothing, send nothing. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${base64(sha256(new TextEncoder().encode(STYLE)))}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * The report as one HTML document that needs nothing else: no script, no font, no picture.
 * Its size is bounded by the rows that are written out; what is left out is summed.
 */
export function renderPage(data: PageData): string {
  const figures = figuresFor(data.report.totals, data.report.currency);
  const parts = [
    answer(data, figures),
    waste(data, figures),
    byOwner(data, figures),
    byState(data, figures),
    byModel(data, figures),
    overTime(data, figures),
    heatMap(data, figures),
    confidence(data),
    gaps(data, figures),
    prices(data, figures),
    reconciliation(data),
  ];
  const page = h(
    "html",
    { lang: "en-GB" },
    h(
      "head",
      {},
      h("meta", { charset: "utf-8" }),
      h("meta", { "http-equiv": "Content-Security-Policy", content: PAGE_POLICY }),
      h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      h("meta", { name: "referrer", content: "no-referrer" }),
      h("meta", { name: "robots", content: "noindex" }),
      h("meta", { name: "color-scheme", content: "light dark" }),
      h("title", {}, `${data.report.simulated ? "SIMULATED: " : ""}${titleOf(data)}`),
      // Ours alone, and hashed above: nothing of an owner's is ever in it.
      { html: `<style>${STYLE}</style>` },
    ),
    h(
      "body",
      {},
      h("a", { class: "skip", href: "#answer" }, "To the figures"),
      patternDefinitions(),
      h("div", { class: "page" }, pageHead(data), contents(data), h("main", {}, parts), foot(data)),
    ),
  );
  return `<!doctype html>\n${page.html}\n`;
}

function contents({ confidence: sure, report }: PageData): Html {
  const places: [string, string, boolean][] = [
    ["waste", "Wasted", true],
    ["owners", "Owners", true],
    ["labels", "Labels", true],
    ["models", "Models", true],
    ["time", "Over time", true],
    ["fleet", "The fleet’s day", true],
    ["confidence", "Confidence", sure.length > 0],
    ["gaps", "Gaps", true],
    ["prices", "Prices", report.currency !== undefined],
    ["reconciliation", "Does it add up?", true],
  ];
  return h(
    "nav",
    { "aria-label": "On this page" },
    h(
      "ul",
      {},
      places
        .filter(([, , isThere]) => isThere)
        .map(([id, name]) => h("li", {}, h("a", { href: `#${id}` }, name))),
    ),
  );
}

function foot({ madeBy }: PageData): Html {
  return h(
    "footer",
    {},
    h(
      "p",
      {},
      "All times are UTC. GPU time counts from the first window in which a device was seen.",
    ),
    h("p", {}, `Made by ${madeBy}. The same figures, unrounded: assay report --format json.`),
  );
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
