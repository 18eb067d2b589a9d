import { shortDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import type { Window } from "../../model/window.ts";
import { type RateDetail, overheadDetails, printedRates, rateDetails } from "../printed-rates.ts";
import type { AppliedOverhead, AppliedRate } from "../report-types.ts";
import { type Child, type Html, h } from "./html.ts";
import { strange } from "./name.ts";
import { type Figures, grouped, instantText } from "./numbers.ts";
import { dataTable, section } from "./table.ts";
import type { PageData } from "./types.ts";

const MOST_RATES = 100;

/** What things cost, from when to when, and for how much of them. */
export function prices({ report }: PageData, figures: Figures): Html | undefined {
  const { currency, priceList, energyUnpricedMj, overhead = [] } = report;
  if (currency === undefined) return undefined;
  const rates = printedRates(report.rates);
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
      rows: [
        ...shown.map((rate) => [
          rateName(rate),
          grouped(shortDecimal(rate.nanos)),
          ...usedFor(rate, rate.what === "kWh", figures),
        ]),
        ...overhead
          .slice(0, MOST_RATES)
          .map((item) => [
            overheadName(item),
            overheadPrice(item),
            ...usedFor(item, item.pueNanos !== undefined, figures),
          ]),
      ],
    }),
    rest > 0
      ? h("p", { class: "note" }, `… and ${rest} more: the JSON report lists them all.`)
      : undefined,
    policy(report.allocation),
    energyUnpricedMj > 0
      ? h(
          "p",
          { class: "note" },
          `${figures.energy([energyUnpricedMj]).total} kWh have no price in the list and cost nothing here.`,
        )
      : undefined,
  );
}

/** Who bears what nobody had, in the price list's own words. */
function policy(words: readonly string[] | undefined): Html | undefined {
  if (!words || words.length === 0) return undefined;
  return h(
    "div",
    { class: "policy" },
    h("h3", {}, "How costs are allocated"),
    h(
      "ul",
      {},
      words.slice(0, MOST_RATES).map((word) => h("li", {}, word)),
    ),
  );
}

function usedFor(
  use: Window & { gpuMs: number; energyMj: number },
  isEnergy: boolean,
  figures: Figures,
): string[] {
  const amount = isEnergy
    ? `${figures.energy([use.energyMj]).total} kWh`
    : `${figures.hours([use.gpuMs]).total} h`;
  return [instantText(use.fromMs), instantText(use.toMs), amount];
}

function rateName(rate: AppliedRate): Html {
  const { what, model } = rate;
  const name = what === "kWh" ? "A kWh of energy" : ["A GPU-hour of ", strange(model ?? "", 48)];
  return named(name, rateDetails(rate));
}

function overheadName(item: AppliedOverhead): Html {
  const of = item.pueNanos === undefined ? "A GPU-hour" : "The energy’s cost again, times PUE − 1";
  return named(of, overheadDetails(item));
}

function overheadPrice({ gpuHourNanos, pueNanos }: AppliedOverhead): string {
  if (gpuHourNanos !== undefined) return grouped(shortDecimal(gpuHourNanos));
  return `PUE ${shortDecimal(pueNanos ?? 0n)}`;
}

/** A thing that has a price, with what else there is to say of the price below it. */
function named(name: Child, details: readonly RateDetail[]): Html {
  const words = details.flatMap(({ ours, theirs }, i) => [
    i > 0 ? "; " : "",
    ours,
    strange(theirs, 80),
  ]);
  return h("span", {}, name, words.length > 0 ? h("small", {}, words) : undefined);
}
