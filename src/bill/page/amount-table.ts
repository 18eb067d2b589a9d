import { measuredEnergyMj } from "../report-types.ts";
import type { Child, Html } from "./html.ts";
import { h } from "./html.ts";
import { type Figures, percent } from "./numbers.ts";
import { mixBar } from "./swatch.ts";
import { type Heading, dataTable } from "./table.ts";
import type { Row } from "./types.ts";

interface AmountTable<R extends Row> {
  caption: string;
  id: string;
  rows: readonly R[];
  /** What the rows are. */
  of: string;
  name: (row: R) => Child;
  figures: Figures;
  /** Columns of its own, between the names and the amounts. */
  own?: readonly (Heading & { cell: (row: R) => Child })[];
  /** The mixture of states as a bar, all to one scale. */
  mix?: boolean;
}

/** Things with their GPU time, energy and money, and the total that the columns add up to. */
export function amountTable<R extends Row>(table: AmountTable<R>): Html {
  const { rows, figures, own = [], mix = true } = table;
  const hours = figures.hours(rows.map((row) => row.gpuMs));
  const energy = figures.energy(rows.map((row) => row.energyMj));
  const nanos = rows.map((row) => row.cost?.totalNanos ?? 0n);
  const money = figures.currency === undefined ? undefined : figures.money(nanos);
  const totalMs = rows.reduce((sum, row) => sum + row.gpuMs, 0);
  const totalNanos = nanos.reduce((sum, each) => sum + each, 0n);
  const mostMs = rows.reduce((max, row) => Math.max(max, row.gpuMs), 0);
  const share = (row: R): string =>
    money ? percent(row.cost?.totalNanos ?? 0n, totalNanos) : percent(row.gpuMs, totalMs);
  const headings: Heading[] = [
    { text: table.of },
    ...own,
    ...(mix ? [{ text: "Made of", wide: true }] : []),
    { text: "GPU-hours", figure: true, what: "hours" },
    { text: "kWh", figure: true, what: "energy" },
    ...(money ? [{ text: `Cost, ${figures.currency}`, figure: true, what: "money" }] : []),
    { text: money ? "Of cost" : "Of time", figure: true, wide: true },
  ];
  return dataTable({
    caption: table.caption,
    id: table.id,
    headings,
    rows: rows.map((row, i) => [
      table.name(row),
      ...own.map(({ cell }) => cell(row)),
      ...(mix ? [mixBar(row.states, mostMs, 14)] : []),
      hours.cells[i],
      energyCell(row, energy.cells[i]),
      ...(money ? [money.cells[i]] : []),
      share(row),
    ]),
    foot: [
      "Total",
      ...own.map(() => ""),
      ...(mix ? [""] : []),
      hours.total,
      energy.total,
      ...(money ? [money.total] : []),
      rows.length > 0 ? "100 %" : "–",
    ],
  });
}

/** What was not measured is said, not counted as nothing. */
export function energyCell(row: Row, printed: string | undefined): Child {
  if (row.gpuMs > 0 && measuredEnergyMj(row) === undefined)
    return h("span", { class: "absent" }, "not measured");
  if (row.energyUnmeasuredMs > 0)
    return [printed, h("abbr", { title: "for a part of this time energy was not measured" }, "*")];
  return printed;
}
