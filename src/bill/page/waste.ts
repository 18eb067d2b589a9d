import { type Html, h } from "./html.ts";
import { type Figures, percent } from "./numbers.ts";
import { STATE_WORDS, WASTE } from "./states.ts";
import { stateName } from "./swatch.ts";
import { dataTable, section } from "./table.ts";
import type { PageData, StateRow } from "./types.ts";

const LEAD =
  "Each is time that was paid for. None is proof of a fault: a label says what the time looked like, and free time may be spare on purpose.";

/** What was paid for and bought nothing that anybody can vouch for. */
export function waste({ states, report: { totals } }: PageData, figures: Figures): Html {
  const rows = WASTE.flatMap((state) => states.filter((row) => row.state === state));
  const hours = figures.hours(rows.map((row) => row.gpuMs));
  const nanos = rows.map((row) => row.cost?.totalNanos ?? 0n);
  const money = figures.currency === undefined ? undefined : figures.money(nanos);
  const sumMs = rows.reduce((sum, row) => sum + row.gpuMs, 0);
  const sumNanos = nanos.reduce((sum, each) => sum + each, 0n);
  const share = (row: { ms: number; nanos: bigint }): string =>
    money ? percent(row.nanos, totals.cost?.totalNanos ?? 0n) : percent(row.ms, totals.gpuMs);
  if (rows.length === 0) return section("waste", "What was wasted", "Nothing: all time was used.");
  return section(
    "waste",
    "What was wasted",
    LEAD,
    dataTable({
      id: "by-waste",
      caption: "Money and time without a use to show for it",
      headings: [
        { text: "What" },
        { text: "GPU-hours", figure: true, what: "hours" },
        ...(money ? [{ text: `Cost, ${figures.currency}`, figure: true, what: "money" }] : []),
        { text: money ? "Of all cost" : "Of all time", figure: true },
      ],
      rows: rows.map((row, i) => [
        named(row),
        hours.cells[i],
        ...(money ? [money.cells[i]] : []),
        share({ ms: row.gpuMs, nanos: nanos[i] ?? 0n }),
      ]),
      foot: [
        "Together",
        hours.total,
        ...(money ? [money.total] : []),
        share({ ms: sumMs, nanos: sumNanos }),
      ],
    }),
  );
}

function named({ state }: StateRow): Html {
  return h("span", {}, stateName(state), h("small", {}, STATE_WORDS[state].meaning));
}
