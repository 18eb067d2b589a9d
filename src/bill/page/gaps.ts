import { formatDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import { type Html, h } from "./html.ts";
import type { Figures } from "./numbers.ts";
import { dataTable, section } from "./table.ts";
import { stepText } from "./time-axis.ts";
import type { PageData } from "./types.ts";

const MOST_GAPS = 100;
const MOST_REASONS = 4;

/** Every stretch in which nobody measured, with what is known of why. */
export function gaps({ report }: PageData, figures: Figures): Html {
  const { unobserved, gpus, totals } = report;
  if (unobserved.length === 0)
    return section(
      "gaps",
      "What was not observed",
      totals.gpuMs > 0
        ? "Nothing: there is no gap in this window."
        : "There was no device to observe.",
    );
  const names = new Map(gpus.map((gpu) => [gpu.uuid, `GPU ${gpu.index}`]));
  const bySize = [...unobserved].sort(
    (a, b) => b.unobservedMs - a.unobservedMs || a.fromMs - b.fromMs,
  );
  const shown = bySize.slice(0, MOST_GAPS);
  const rest = bySize.slice(MOST_GAPS);
  const restMs = rest.reduce((sum, gap) => sum + gap.unobservedMs, 0);
  const hours = figures.hours([...shown.map((gap) => gap.unobservedMs), restMs]);
  return section(
    "gaps",
    "What was not observed",
    "The longest first. The time costs money all the same; what it was, nobody can say.",
    dataTable({
      id: "gap-list",
      caption: "Gaps in the measurements",
      headings: [
        { text: "Time (UTC)" },
        { text: "Device" },
        { text: "Why" },
        { text: "GPU-hours", figure: true, what: "hours" },
      ],
      rows: [
        ...shown.map((gap, i) => [
          h("span", {}, stepText(gap), h("small", {}, formatDuration(gap.unobservedMs))),
          names.get(gap.gpuUuid) ?? "?",
          reasonText(gap.reasons, gap.hole),
          hours.cells[i],
        ]),
        ...(rest.length > 0
          ? [
              [
                `${rest.length} shorter ones`,
                "",
                "the JSON report lists them all",
                hours.cells.at(-1),
              ],
            ]
          : []),
      ],
      foot: ["Total", "", "", hours.total],
    }),
  );
}

function reasonText(reasons: readonly string[], isHole: boolean): Html {
  if (reasons.length === 0)
    return h("span", { class: "absent" }, isHole ? "no record of it" : "no sample");
  const shown = reasons.slice(0, MOST_REASONS).map((reason) => sanitize(reason, 120));
  const rest = reasons.length - shown.length;
  return h("bdi", {}, shown.join("; "), rest > 0 ? ` and ${rest} more` : "");
}
