import { formatDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import type { Window } from "../../model/window.ts";
import { byGpu } from "./breakdowns.ts";
import { type Child, type Html, h } from "./html.ts";
import { type Figures, percent } from "./numbers.ts";
import { STATES, STATE_WORDS, USED_STATES } from "./states.ts";
import { cut, fillOf, legend } from "./swatch.ts";
import { dataTable, more, section } from "./table.ts";
import { placeIn, stepText, timeAxis } from "./time-axis.ts";
import type { HeatCell, HeatRow, PageData } from "./types.ts";

const HEIGHT = 26;
/** Stretches that are written out as text before the rest is only counted. */
const MOST_STRETCHES = 400;
/** Levels of use: a cell's colour is as strong as its level. */
const LEVELS = 4;

/** Every device's day: what it did, and how much of the time. */
export function heatMap(data: PageData, figures: Figures): Html {
  const { heat, report, states } = data;
  const step = formatDuration(heat.stepMs);
  const hidden = heat.gpuCount - heat.rows.length;
  return section(
    "fleet",
    "The fleet’s day",
    `A row is a device, a cell is ${step}. Its colour is what most of the used time was; the paler it is, the less of the cell was used. A mark below a cell: some of it was mining-like.`,
    h(
      "figure",
      { class: "heat" },
      mapTable(heat.rows, report.window, report.nodes.length > 1),
      h(
        "figcaption",
        {},
        legend(
          states.map(({ state }) => state),
          intensityKey(),
        ),
        hidden > 0
          ? h(
              "p",
              { class: "note" },
              `${hidden} more devices are in the sums, not in this picture.`,
            )
          : undefined,
      ),
    ),
    more("The same in words", stretchTable(heat.rows)),
    h("h3", {}, "By device"),
    byGpu(data, figures),
  );
}

function mapTable(rows: readonly HeatRow[], window: Window, many: boolean): Html {
  return h(
    "table",
    { class: "map" },
    h("caption", { class: "hidden" }, "Each device over the window"),
    h("colgroup", {}, h("col", { class: "map-name" }), h("col", {})),
    h(
      "thead",
      { class: "hidden" },
      h("tr", {}, h("th", { scope: "col" }, "Device"), h("th", { scope: "col" }, "Over time")),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, deviceName(row, many)),
          h("td", {}, strip(row, window)),
        ),
      ),
      h(
        "tr",
        { "aria-hidden": "true" },
        h("td", {}, h("span", { class: "zone" }, "UTC")),
        h("td", {}, timeAxis(window)),
      ),
    ),
  );
}

function deviceName({ gpu }: HeatRow, many: boolean): Child {
  const where = many ? h("small", {}, h("bdi", {}, sanitize(gpu.node, 18))) : undefined;
  return [
    h(
      "span",
      { title: `${sanitize(gpu.model, 80)}, ${sanitize(gpu.uuid, 64)}` },
      `GPU ${gpu.index}`,
    ),
    where,
  ];
}

function strip({ gpu, cells, total }: HeatRow, window: Window): Html {
  const parts = STATES.flatMap((state) => {
    const ms = total.states.get(state) ?? 0;
    return ms === 0 ? [] : `${STATE_WORDS[state].name} ${percent(ms, total.gpuMs)}`;
  });
  return h(
    "svg",
    {
      class: "strip",
      width: "100%",
      height: HEIGHT,
      role: "img",
      focusable: "false",
      "aria-label": `GPU ${gpu.index}: ${parts.join(", ")}`,
    },
    runsOf(cells, sameLook).map((run) => {
      const [left, right] = [placeIn(window, run.fromMs), placeIn(window, run.toMs)];
      const place = { x: `${cut(left)}%`, width: `${cut(right - left)}%` };
      const level = isUsed(run) ? `use-${levelOf(run.use)}` : undefined;
      return [
        h(
          "rect",
          { ...place, y: 1, height: HEIGHT - 6, fill: fillOf(run.state), class: level },
          h("title", {}, cellText(run)),
        ),
        run.alsoMining
          ? h("rect", { ...place, y: HEIGHT - 4, height: 3, class: "fill-mining-like" })
          : undefined,
      ];
    }),
  );
}

/** Neighbouring cells that look alike drawn as one. */
function runsOf(
  cells: readonly HeatCell[],
  alike: (a: HeatCell, b: HeatCell) => boolean,
): HeatCell[] {
  const out: HeatCell[] = [];
  for (const cell of cells) {
    const last = out.at(-1);
    if (!last || last.toMs !== cell.fromMs || !alike(last, cell)) out.push(cell);
    else out[out.length - 1] = joined(last, cell);
  }
  return out;
}

function joined(a: HeatCell, b: HeatCell): HeatCell {
  const [aMs, bMs] = [a.toMs - a.fromMs, b.toMs - b.fromMs];
  const mean = (x: number, y: number): number => (x * aMs + y * bMs) / (aMs + bMs);
  return {
    ...a,
    toMs: b.toMs,
    use: mean(a.use, b.use),
    part: mean(a.part, b.part),
    alsoMining: a.alsoMining || b.alsoMining,
  };
}

function sameLook(a: HeatCell, b: HeatCell): boolean {
  const level = isUsed(a) ? levelOf(a.use) === levelOf(b.use) : true;
  return a.state === b.state && a.alsoMining === b.alsoMining && level;
}

function isUsed({ state }: HeatCell): boolean {
  return USED_STATES.some((used) => used === state);
}

/** 1 to 4. */
function levelOf(use: number): number {
  return Math.min(LEVELS, Math.max(1, Math.ceil(use * LEVELS)));
}

function cellText(cell: HeatCell): string {
  const use = isUsed(cell) ? `, used for ${percent(cell.use, 1)}` : "";
  const mining = cell.alsoMining ? ", some of it mining-like" : "";
  return `${stepText(cell)}: ${STATE_WORDS[cell.state].name}${use}${mining}`;
}

function intensityKey(): Html {
  return h(
    "span",
    { class: "state" },
    h(
      "svg",
      { class: "levels", width: 58, height: 14, "aria-hidden": "true", focusable: "false" },
      [1, 2, 3, 4].map((level) =>
        h("rect", {
          x: (level - 1) * 14.5,
          y: 0.5,
          width: 14.5,
          height: 13,
          fill: fillOf("training-like"),
          class: `use-${level}`,
        }),
      ),
    ),
    "used for ¼, ½, ¾, all",
  );
}

/** What the picture shows, for who does not see it. */
function stretchTable(rows: readonly HeatRow[]): Html {
  const all = rows.flatMap(({ gpu, cells }) =>
    runsOf(cells, (a, b) => a.state === b.state).map((run) => ({ gpu, run })),
  );
  const shown = all.slice(0, MOST_STRETCHES);
  const rest = all.length - shown.length;
  return h(
    "div",
    {},
    dataTable({
      id: "stretches",
      caption: "What each device mostly did, stretch by stretch",
      headings: [
        { text: "Time (UTC)" },
        { text: "Device" },
        { text: "Mostly" },
        { text: "Used", figure: true },
      ],
      rows: shown.map(({ gpu, run }) => [
        stepText(run),
        `GPU ${gpu.index}`,
        `${STATE_WORDS[run.state].name}${run.alsoMining ? ", some mining-like" : ""}`,
        percent(run.use, 1),
      ]),
    }),
    rest > 0
      ? h("p", { class: "note" }, `… and ${rest} more stretches, in the sums above.`)
      : undefined,
  );
}
