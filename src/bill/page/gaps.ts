import { formatDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import { type Window, windowLengthMs } from "../../model/window.ts";
import { groupedBy } from "../group.ts";
import { type Html, h } from "./html.ts";
import type { Figures } from "./numbers.ts";
import { dataTable, section } from "./table.ts";
import { stepText } from "./time-axis.ts";
import type { PageData } from "./types.ts";

const MOST_GAPS = 100;
const MOST_REASONS = 4;
const MOST_DEVICES = 8;

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
  const all = togetherOnes(unobserved, new Map(gpus.map((gpu) => [gpu.uuid, gpu.index])));
  const shown = all.slice(0, MOST_GAPS);
  const rest = all.slice(MOST_GAPS);
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
          h("span", {}, stepText(gap), h("small", {}, formatDuration(windowLengthMs(gap)))),
          deviceText(gap.devices),
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

interface Gap extends Window {
  devices: readonly number[];
  unobservedMs: number;
  hole: boolean;
  reasons: readonly string[];
}

/** Devices that were not observed at the same time for the same reason in one row, longest first. */
function togetherOnes(
  stretches: PageData["report"]["unobserved"],
  indexes: ReadonlyMap<string, number>,
): Gap[] {
  const groups = groupedBy(stretches, ({ node, fromMs, toMs, hole, reasons }) =>
    JSON.stringify([node, fromMs, toMs, hole, reasons]),
  );
  return [...groups.values()]
    .flatMap(([first, ...others]) => {
      if (!first) return [];
      const all = [first, ...others];
      return {
        ...first,
        devices: all.map(({ gpuUuid }) => indexes.get(gpuUuid) ?? -1).sort((a, b) => a - b),
        unobservedMs: all.reduce((sum, each) => sum + each.unobservedMs, 0),
      };
    })
    .sort((a, b) => b.unobservedMs - a.unobservedMs || a.fromMs - b.fromMs);
}

/** `GPU 0 to 7`, `GPU 1, 4`. */
function deviceText(devices: readonly number[]): string {
  const [first = 0, last = 0] = [devices[0], devices.at(-1)];
  const isRun = devices.length > 2 && last - first === devices.length - 1;
  if (isRun) return `GPU ${first} to ${last}`;
  const shown = devices.slice(0, MOST_DEVICES).join(", ");
  return devices.length > MOST_DEVICES
    ? `GPU ${shown} and ${devices.length - MOST_DEVICES} more`
    : `GPU ${shown}`;
}

function reasonText(reasons: readonly string[], isHole: boolean): Html {
  if (reasons.length === 0)
    return h("span", { class: "absent" }, isHole ? "no record of it" : "no sample");
  const shown = reasons.slice(0, MOST_REASONS).map((reason) => sanitize(reason, 120));
  const rest = reasons.length - shown.length;
  return h("bdi", {}, shown.join("; "), rest > 0 ? ` and ${rest} more` : "");
}
