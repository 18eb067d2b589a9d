import { formatWholeDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import type { Window } from "../../model/window.ts";
import { type Child, type Html, h } from "./html.ts";
import { strange } from "./name.ts";
import { dayText, instantText, percent } from "./numbers.ts";
import type { PageData } from "./types.ts";

const MOST_NODES = 6;

/** Who, when, from what: what a reader must know before the first figure. */
export function pageHead(data: PageData): Html {
  const { report } = data;
  const { window, nodes, gpus } = report;
  const length = formatWholeDuration(window.toMs - window.fromMs);
  return h(
    "header",
    {},
    report.simulated ? banner() : undefined,
    h("p", { class: "kicker" }, "gpu-assay · GPU cost report"),
    h("h1", {}, titleOf(data)),
    h(
      "dl",
      { class: "facts" },
      fact("Window", `${instantText(window.fromMs)} to ${instantText(window.toMs)} (${length})`),
      fact(nodes.length === 1 ? "Node" : "Nodes", nodeNames(nodes)),
      fact("Devices", devicesText(data)),
      fact("Prices", priceText(data)),
      fact("Made", `${instantText(report.generatedAtMs)} by ${data.madeBy}`),
      data.chainHead === undefined
        ? undefined
        : fact("Ledger’s chain ends at", h("code", {}, data.chainHead)),
    ),
    gpus.length === 0 ? h("p", { class: "note" }, "No GPU was known in this window.") : undefined,
  );
}

function banner(): Html {
  return h(
    "p",
    { class: "simulated", role: "note" },
    h("strong", {}, "SIMULATED"),
    " At least one GPU in this report was not measured on a real device.",
  );
}

/** `2 to 4 March 2026`: every day that the window touches. An end at midnight is the day before's. */
export function titleOf({ report: { window } }: { report: { window: Window } }): string {
  const last = dayText(window.toMs - 1);
  const [first, end] = [dayText(window.fromMs).split(" "), last.split(" ")];
  // What both days share is said once, with the second: their year, or month and year.
  const same = first.findIndex((_, i) => first.slice(i).join() === end.slice(i).join());
  const days = same === 0 ? last : `${first.slice(0, same < 0 ? 3 : same).join(" ")} to ${last}`;
  return `GPU time and cost, ${days}`;
}

function fact(term: string, ...description: readonly Child[]): Html {
  return h("div", {}, h("dt", {}, term), h("dd", {}, ...description));
}

function nodeNames(nodes: readonly string[]): Child {
  const shown = nodes.slice(0, MOST_NODES).flatMap((node, i) => [i > 0 ? ", " : "", strange(node)]);
  const rest = nodes.length - MOST_NODES;
  return nodes.length === 0 ? "none" : [...shown, rest > 0 ? ` and ${rest} more` : ""];
}

function devicesText({ report: { gpus, coverage } }: PageData): string {
  const count = `${gpus.length} GPU${gpus.length === 1 ? "" : "s"}`;
  return coverage === undefined
    ? count
    : `${count}, observed for ${percent(coverage, 1)} of their time`;
}

function priceText({ report: { currency, priceList } }: PageData): Child {
  if (currency === undefined) return "no price list: there are hours and energy, and no costs";
  return [`in ${sanitize(currency, 8)}, from `, strange(priceList ?? "", 120)];
}
