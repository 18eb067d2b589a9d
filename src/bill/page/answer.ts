import { formatDuration } from "../../model/duration.ts";
import { type LineCost, measuredEnergyMj } from "../report-types.ts";
import { type Child, type Html, h } from "./html.ts";
import { type Figures, grouped, percent } from "./numbers.ts";
import { sumRows } from "./rows.ts";
import { STATE_WORDS, USED_STATES } from "./states.ts";
import { legend, mixBar } from "./swatch.ts";
import { section } from "./table.ts";
import type { PageData, StateRow } from "./types.ts";

/** The figures that somebody looks for first. */
export function answer(data: PageData, figures: Figures): Html {
  const whole = sumRows(data.states);
  const shown = cards(data, figures);
  return section(
    "answer",
    "In short",
    undefined,
    h("dl", { class: `cards cards-${shown.length}` }, shown),
    h(
      "figure",
      { class: "whole" },
      mixBar(whole.states, whole.gpuMs, 28, mixText(data.states, whole.gpuMs)),
      h(
        "figcaption",
        {},
        "All GPU time of the window, by what it was",
        legend(data.states.map(({ state }) => state)),
      ),
    ),
  );
}

function cards({ report, states }: PageData, figures: Figures): Html[] {
  const { totals, currency } = report;
  const usedMs = states
    .filter(({ state }) => USED_STATES.some((used) => used === state))
    .reduce((sum, row) => sum + row.gpuMs, 0);
  const carbon = totals.carbonMilligrams;
  return [
    ...(currency === undefined ? [] : [moneyCard(totals.cost, currency, figures)]),
    card(
      "GPU-hours",
      figures.hours([totals.gpuMs]).total,
      `${percent(usedMs, totals.gpuMs)} of them used`,
    ),
    energyCard(report, figures),
    ...(carbon === undefined
      ? []
      : [
          card(
            "Carbon",
            [kilograms(carbon), h("small", {}, " kg CO₂e")],
            "of the energy that was measured",
          ),
        ]),
    card(
      "Observed",
      percent(totals.observedMs, totals.gpuMs),
      totals.gpuMs === totals.observedMs
        ? "all of the GPU time"
        : `${formatDuration(totals.gpuMs - totals.observedMs)} of GPU time were not`,
    ),
  ];
}

function card(term: string, figure: Child, note: string): Html {
  return h(
    "div",
    {},
    h("dt", {}, term),
    h("dd", { class: "big" }, figure),
    h("dd", { class: "note" }, note),
  );
}

/** All that is charged, overhead too, and its parts: they sum to it as they are printed. */
function moneyCard(cost: LineCost | undefined, currency: string, figures: Figures): Html {
  const overhead = cost?.allocated?.overheadNanos ?? 0n;
  const all: [bigint, string][] = [
    [cost?.timeNanos ?? 0n, "GPU time"],
    [cost?.energyNanos ?? 0n, "energy"],
    [overhead, "overhead"],
  ];
  const { cells, total } = figures.money(all.map(([nanos]) => nanos));
  const parts = all.flatMap(([nanos, what], i) => (nanos > 0n ? [`${cells[i]} ${what}`] : []));
  return card(
    overhead > 0n ? "Cost with overhead" : "Cost",
    [h("small", {}, currency), " ", total],
    parts.length > 1 ? parts.join(", ") : "for GPU time",
  );
}

function energyCard({ totals }: PageData["report"], figures: Figures): Html {
  if (measuredEnergyMj(totals) === undefined || totals.gpuMs === 0)
    return card("Energy", "not measured", "no device told it");
  const note =
    totals.energyUnmeasuredMs === 0
      ? "measured all the time"
      : `not measured for ${formatDuration(totals.energyUnmeasuredMs)}`;
  return card("Energy", [figures.energy([totals.energyMj]).total, h("small", {}, " kWh")], note);
}

function kilograms(milligrams: number): string {
  return grouped((milligrams / 1_000_000).toFixed(2));
}

function mixText(states: readonly StateRow[], totalMs: number): string {
  const parts = states.map(
    ({ state, gpuMs }) => `${STATE_WORDS[state].name} ${percent(gpuMs, totalMs)}`,
  );
  return `GPU time: ${parts.join(", ") || "none"}`;
}
