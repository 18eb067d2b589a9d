import { scaleLinear } from "d3-scale";
import { formatDuration } from "../../model/duration.ts";
import { NANOS_PER_UNIT } from "../../model/money.ts";
import { windowLengthMs } from "../../model/window.ts";
import { amountTable } from "./amount-table.ts";
import { type Html, h } from "./html.ts";
import { type Figures, grouped } from "./numbers.ts";
import { STATES, STATE_WORDS, type State } from "./states.ts";
import { barStepMs } from "./steps.ts";
import { cut, fillOf, legend } from "./swatch.ts";
import { more, section } from "./table.ts";
import { placeIn, stepText, timeAxis } from "./time-axis.ts";
import type { PageData, TimeRow } from "./types.ts";

const HEIGHT = 200;
const TOP = 10;
const MS_PER_HOUR = 3_600_000;

/** Stacked bars: what was paid for, or what time there was, step by step. */
export function overTime(data: PageData, figures: Figures): Html {
  const { times, report } = data;
  const step = formatDuration(barStepMs(report.window));
  const unit = figures.currency ?? "GPU-hours";
  const what = figures.currency === undefined ? "GPU time" : "Cost";
  return section(
    "time",
    "Over time",
    `${what} in steps of ${step}, coloured by what the time was. Where the bars are lower, fewer devices were known or the price was lower.`,
    h(
      "figure",
      { class: "chart" },
      h("div", { class: "unit", "aria-hidden": "true" }, unit),
      chart(data, unit),
      h("figcaption", {}, legend(data.states.map(({ state }) => state))),
    ),
    more(
      "Figures of this chart",
      amountTable({
        id: "by-time",
        caption: `GPU time, energy and cost, in steps of ${step} (UTC)`,
        of: "Time (UTC)",
        rows: times,
        name: (row) => stepText(row),
        figures,
      }),
    ),
  );
}

/** How high a bar is: its money, or its hours where nothing has a price. */
function sizeOf(row: TimeRow): number {
  const nanos = row.cost?.totalNanos;
  return nanos === undefined
    ? row.gpuMs / MS_PER_HOUR
    : Number(nanos / 1000n) / Number(NANOS_PER_UNIT / 1000n);
}

function chart({ times, report: { window } }: PageData, unit: string): Html {
  const most = times.reduce((max, row) => Math.max(max, sizeOf(row)), 0);
  const y = scaleLinear([0, most > 0 ? most : 1], [HEIGHT, 0]).nice(4);
  const ticks = y.ticks(4);
  const format = y.tickFormat(4);
  const summary = `${times.length} bars of ${unit}; the highest is ${grouped(most.toFixed(2))}. The figures are in the table below.`;
  return h(
    "div",
    { class: "plot" },
    h(
      "svg",
      {
        class: "y-axis",
        width: 48,
        height: HEIGHT + 2 * TOP,
        "aria-hidden": "true",
        focusable: "false",
      },
      ticks.map((tick) =>
        h("text", { x: 42, y: y(tick) + TOP + 4, "text-anchor": "end" }, format(tick)),
      ),
    ),
    h(
      "div",
      {},
      h(
        "svg",
        {
          class: "bars",
          width: "100%",
          height: HEIGHT + 2 * TOP,
          role: "img",
          focusable: "false",
          "aria-labelledby": "bars-title bars-desc",
        },
        h("title", { id: "bars-title" }, `${unit} over time, by label`),
        h("desc", { id: "bars-desc" }, summary),
        ticks.map((tick) =>
          h("line", {
            x1: 0,
            x2: "100%",
            y1: y(tick) + TOP,
            y2: y(tick) + TOP,
            class: tick === 0 ? "base" : "grid",
          }),
        ),
        times.map((row) => bar(row, window, (size) => y(size))),
      ),
      timeAxis(window),
    ),
  );
}

function bar(
  row: TimeRow,
  window: PageData["report"]["window"],
  y: (size: number) => number,
): Html {
  const [left, right] = [placeIn(window, row.fromMs), placeIn(window, row.toMs)];
  const space = Math.min(0.8, (right - left) * 0.12);
  const place = { x: `${cut(left + space / 2)}%`, width: `${cut(right - left - space)}%` };
  const size = sizeOf(row);
  let below = 0;
  const parts = STATES.flatMap((state) => {
    const ms = row.states.get(state) ?? 0;
    if (ms === 0 || size === 0) return [];
    const [from, to] = [below, below + (size * ms) / row.gpuMs];
    below = to;
    return h("rect", {
      ...place,
      y: y(to) + TOP,
      height: Math.max(0.3, y(from) - y(to)),
      fill: fillOf(state),
      class: "part",
    });
  });
  return h("g", {}, h("title", {}, `${stepText(row)}: ${inWords(row)}`), parts);
}

function inWords(row: TimeRow): string {
  const parts = STATES.flatMap((state: State) => {
    const ms = row.states.get(state) ?? 0;
    return ms === 0 ? [] : `${STATE_WORDS[state].name} ${((ms / row.gpuMs) * 100).toFixed(0)} %`;
  });
  return `${formatDuration(windowLengthMs(row))}, ${parts.join(", ") || "nothing known"}`;
}
