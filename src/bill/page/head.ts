import { formatDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import { type Child, type Html, h } from "./html.ts";
import { strange } from "./name.ts";
import { dayText, instantText, percent } from "./numbers.ts";
import type { PageData } from "./types.ts";

const MOST_NODES = 6;
const DAY_MS = 86_400_000;

/** Who, when, from what: what a reader must know before the first figure. */
export function pageHead(data: PageData): Html {
  const { report } = data;
  const { window, nodes, gpus } = report;
  const length = formatDuration(window.toMs - window.fromMs);
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

/** `2 to 4 March 2026` where the window is of whole days. */
export function titleOf({ report: { window } }: PageData): string {
  const { fromMs, toMs } = window;
  const isDays = fromMs % DAY_MS === 0 && toMs % DAY_MS === 0;
  if (!isDays) return `GPU time and cost, ${dayText(fromMs)}`;
  const last = dayText(toMs - DAY_MS);
  if (toMs - fromMs === DAY_MS) return `GPU time and cost, ${last}`;
  const first = dayText(fromMs).split(" ");
  const end = last.split(" ");
  const same = first.findIndex((_, i) => first.slice(i).join() === end.slice(i).join());
  return `GPU time and cost, ${first.slice(0, same < 0 ? 3 : Math.max(1, same)).join(" ")} to ${last}`;
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
