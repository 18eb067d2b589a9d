import { formatDuration } from "../../model/duration.ts";
import { measuredEnergyMj } from "../report-types.ts";
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
  return section(
    "answer",
    "In short",
    undefined,
    h("dl", { class: "cards" }, cards(data, figures)),
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

function cards({ report, states }: PageData, figures: Figures): Child[] {
  const { totals, currency } = report;
  const usedMs = states
    .filter(({ state }) => USED_STATES.some((used) => used === state))
    .reduce((sum, row) => sum + row.gpuMs, 0);
  const carbon = totals.carbonMilligrams;
  return [
    currency === undefined
      ? undefined
      : card(
          "Cost",
          [h("small", {}, currency), " ", figures.money([totals.cost?.totalNanos ?? 0n]).total],
          moneyNote(report, figures),
        ),
    card(
      "GPU-hours",
      figures.hours([totals.gpuMs]).total,
      `${percent(usedMs, totals.gpuMs)} of them used`,
    ),
    energyCard(report, figures),
    carbon === undefined
      ? undefined
      : card(
          "Carbon",
          [kilograms(carbon), h("small", {}, " kg CO₂e")],
          "of the energy that was measured",
        ),
    card(
      "Observed",
      percent(totals.observedMs, totals.gpuMs),
      `${formatDuration(totals.gpuMs - totals.observedMs)} of GPU time not`,
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

function moneyNote({ totals: { cost } }: PageData["report"], figures: Figures): string {
  const { cells } = figures.money([cost?.timeNanos ?? 0n, cost?.energyNanos ?? 0n]);
  return cost?.energyNanos === 0n ? "for GPU time" : `${cells[0]} GPU time, ${cells[1]} energy`;
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
