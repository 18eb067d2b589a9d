import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import type { AppliedRate } from "../report-types.ts";
import { type Html, h } from "./html.ts";
import { strange } from "./name.ts";
import { type Figures, grouped, instantText } from "./numbers.ts";
import { dataTable, section } from "./table.ts";
import type { PageData } from "./types.ts";

const MOST_RATES = 100;

/** What things cost, from when to when, and for how much of them. */
export function prices({ report }: PageData, figures: Figures): Html | undefined {
  const { rates, currency, priceList, energyUnpricedMj } = report;
  if (currency === undefined) return undefined;
  const shown = rates.slice(0, MOST_RATES);
  const rest = rates.length - shown.length;
  return section(
    "prices",
    "Prices used",
    ["From ", strange(priceList ?? "", 120), `, in ${sanitize(currency, 8)}.`],
    dataTable({
      id: "price-list",
      caption: "Each price, and what it was used for",
      headings: [
        { text: "What" },
        { text: `Price, ${sanitize(currency, 8)}`, figure: true },
        { text: "Used from", wide: true },
        { text: "Until", wide: true },
        { text: "For", figure: true },
      ],
      rows: shown.map((rate) => [
        rateName(rate),
        priceText(rate.nanos),
        instantText(rate.fromMs),
        instantText(rate.toMs),
        rate.what === "kWh"
          ? `${figures.energy([rate.energyMj]).total} kWh`
          : `${figures.hours([rate.gpuMs]).total} h`,
      ]),
    }),
    rest > 0
      ? h("p", { class: "note" }, `… and ${rest} more: the JSON report lists them all.`)
      : undefined,
    energyUnpricedMj > 0
      ? h(
          "p",
          { class: "note" },
          `${figures.energy([energyUnpricedMj]).total} kWh have no price in the list and cost nothing here.`,
        )
      : undefined,
  );
}

function rateName({ what, model }: AppliedRate): Html {
  if (what === "kWh") return h("span", {}, "A kWh of energy");
  return h("span", {}, "A GPU-hour of ", strange(model ?? "", 48));
}

/** A price, with no more decimals than it needs. */
function priceText(nanos: bigint): string {
  return grouped(formatDecimal(nanos, 9).replace(/(\.\d\d\d*?)0+$/, "$1"));
}
