import { type Html, h } from "./html.ts";
import { STATE_WORDS } from "./states.ts";
import { stateName } from "./swatch.ts";
import { dataTable, section } from "./table.ts";
import type { ConfidenceRow, PageData } from "./types.ts";

const HEIGHT = 30;
const GAP = 3;

/** How sure the labels were, and how that is spread. */
export function confidence({ confidence: rows }: PageData): Html | undefined {
  if (rows.length === 0) return undefined;
  return section(
    "confidence",
    "How sure the labels are",
    "From 0 (a guess) to 1 (everything measured speaks for it), as a mean over the time of a label. The small chart is how that time is spread from 0 to 1, each device, owner and step of time by its own mean.",
    dataTable({
      id: "by-confidence",
      caption: "Confidence of the labels, weighted by time",
      headings: [
        { text: "Label" },
        { text: "Mean", figure: true },
        { text: "Spread, 0 to 1" },
        { text: "Below 0.5", figure: true },
      ],
      rows: rows.map((row) => [stateName(row.state), row.mean.toFixed(2), spread(row), below(row)]),
    }),
  );
}

function below({ tenths, gpuMs }: ConfidenceRow): string {
  const ms = tenths.slice(0, 5).reduce((sum, each) => sum + each, 0);
  if (ms === 0) return "0 %";
  return ms / gpuMs < 0.01 ? "< 1 %" : `${((ms / gpuMs) * 100).toFixed(0)} %`;
}

function spread({ state, tenths, gpuMs }: ConfidenceRow): Html {
  const most = Math.max(...tenths);
  const words = tenths
    .flatMap((ms, i) =>
      ms > 0
        ? `${(i / 10).toFixed(1)} to ${((i + 1) / 10).toFixed(1)}: ${((ms / gpuMs) * 100).toFixed(0)} %`
        : [],
    )
    .join(", ");
  return h(
    "svg",
    {
      class: "spread",
      width: 150,
      height: HEIGHT + 1,
      role: "img",
      focusable: "false",
      "aria-label": `${STATE_WORDS[state].name}: ${words}`,
    },
    h("line", { x1: 0, x2: 150, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5, class: "base" }),
    tenths.map((ms, i) => {
      const height = ms === 0 ? 0 : Math.max(1.5, (ms / most) * (HEIGHT - 2));
      return h("rect", {
        x: i * 15 + GAP / 2,
        width: 15 - GAP,
        y: HEIGHT - height,
        height,
        class: `fill-${state}`,
      });
    }),
  );
}
