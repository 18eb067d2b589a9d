import { sanitize } from "../../model/text.ts";
import { amountTable } from "./amount-table.ts";
import { type Child, type Html, h } from "./html.ts";
import { ownerName, strange, twoLines } from "./name.ts";
import type { Figures } from "./numbers.ts";
import { OTHERS } from "./rows.ts";
import { STATE_WORDS } from "./states.ts";
import { stateName } from "./swatch.ts";
import { section } from "./table.ts";
import type { PageData, Row } from "./types.ts";

/** Who had the time: each owner with what they used, and what they held without using it. */
export function byOwner({ owners }: PageData, figures: Figures): Html {
  const held = owners.map((row) => row.states.get("held") ?? 0);
  const hours = figures.hours(held);
  const cells = new Map(owners.map((row, i) => [row, hours.cells[i]]));
  const anyHeld = held.some((ms) => ms > 0);
  return section(
    "owners",
    "By owner",
    "Who had the GPUs, with the time that each held one and left it idle. Time that nobody had, or that nobody measured, is a row too: the column is the whole bill.",
    amountTable({
      id: "by-owner",
      caption: "GPU time, energy and cost by owner",
      of: "Owner",
      rows: owners,
      name: (row) => ownerName(row.key, row.count),
      figures,
      own: anyHeld
        ? [
            {
              text: "Held idle, h",
              figure: true,
              wide: true,
              cell: (row) => heldCell(row, cells.get(row)),
            },
          ]
        : [],
    }),
  );
}

function heldCell(row: Row, printed: string | undefined): Child {
  return (row.states.get("held") ?? 0) > 0 ? printed : h("span", { class: "absent" }, "–");
}

export function byState({ states }: PageData, figures: Figures): Html {
  return section(
    "labels",
    "By label",
    "What the time looked like. A label is a judgement from measurements; how sure it was is told further down.",
    amountTable({
      id: "by-state",
      caption: "GPU time, energy and cost by label",
      of: "Label",
      rows: states,
      name: ({ state }) =>
        h("span", {}, stateName(state), h("small", {}, STATE_WORDS[state].meaning)),
      figures,
      mix: false,
    }),
  );
}

export function byModel({ models, report }: PageData, figures: Figures): Html {
  const counts = new Map<string, number>();
  for (const { model } of report.gpus) counts.set(model, (counts.get(model) ?? 0) + 1);
  const name = ({ key, count }: Row): Html => {
    if (key === OTHERS) return h("span", { class: "others" }, `${count} other models`);
    const devices = counts.get(key) ?? 0;
    return twoLines(strange(key), `${devices} device${devices === 1 ? "" : "s"}`);
  };
  return section(
    "models",
    "By GPU model",
    undefined,
    amountTable({
      id: "by-model",
      caption: "GPU time, energy and cost by GPU model",
      of: "Model",
      rows: models,
      name,
      figures,
    }),
  );
}

export function byGpu({ gpus, report }: PageData, figures: Figures): Html {
  const known = new Map(report.gpus.map((gpu) => [gpu.uuid, gpu]));
  const many = report.nodes.length > 1;
  const name = ({ key, count }: Row): Html => {
    const gpu = known.get(key);
    if (key === OTHERS || !gpu)
      return h(
        "span",
        { class: "others" },
        key === OTHERS ? `${count} other devices` : strange(key),
      );
    const where = many ? `${sanitize(gpu.node, 40)} · ` : "";
    return twoLines(`GPU ${gpu.index}`, `${where}${sanitize(gpu.uuid, 48)}`);
  };
  const inOrder = [...gpus].sort(
    (a, b) => placeOf(report.gpus, a.key) - placeOf(report.gpus, b.key),
  );
  return amountTable({
    id: "by-gpu",
    caption: "GPU time, energy and cost by device",
    of: "Device",
    rows: inOrder,
    name,
    figures,
  });
}

/** As in the heat map; what is not a device comes last. */
function placeOf(gpus: PageData["report"]["gpus"], uuid: string): number {
  const place = gpus.findIndex((gpu) => gpu.uuid === uuid);
  return place < 0 ? gpus.length : place;
}
