import { type LineCost, measuredEnergyMj } from "../report-types.ts";
import type { Child, Html } from "./html.ts";
import { h } from "./html.ts";
import { type Figures, percent } from "./numbers.ts";
import { mixBar } from "./swatch.ts";
import { type Heading, dataTable } from "./table.ts";
import type { Row } from "./types.ts";

interface AmountColumn<R extends Row> extends Heading {
  cell: (row: R, i: number) => Child;
  total: Child;
}

interface AmountTable<R extends Row> {
  caption: string;
  id: string;
  rows: readonly R[];
  /** What the rows are. */
  of: string;
  name: (row: R) => Child;
  figures: Figures;
  /** Columns of its own, between the names and the amounts. */
  own?: readonly AmountColumn<R>[];
  /** The mixture of states as a bar, all to one scale. */
  mix?: boolean;
}

/** Things with their GPU time, energy and money, and the total that the columns add up to. */
export function amountTable<R extends Row>(table: AmountTable<R>): Html {
  const { rows, figures } = table;
  const columns = [
    ...(table.own ?? []),
    ...((table.mix ?? true) ? [mixColumn(rows)] : []),
    ...costColumns(rows, figures),
    shareColumn(rows, figures),
    ...amountColumns(rows, figures),
  ];
  return dataTable({
    caption: table.caption,
    id: table.id,
    headings: [{ text: table.of }, ...columns],
    rows: rows.map((row, i) => [table.name(row), ...columns.map(({ cell }) => cell(row, i))]),
    foot: ["Total", ...columns.map(({ total }) => total)],
  });
}

function mixColumn<R extends Row>(rows: readonly R[]): AmountColumn<R> {
  const mostMs = rows.reduce((max, row) => Math.max(max, row.gpuMs), 0);
  return {
    text: "Made of",
    wide: true,
    cell: (row) => mixBar(row.states, mostMs, 14),
    total: "",
  };
}

function amountColumns<R extends Row>(rows: readonly R[], figures: Figures): AmountColumn<R>[] {
  const hours = figures.hours(rows.map((row) => row.gpuMs));
  const energy = figures.energy(rows.map((row) => row.energyMj));
  return [
    {
      text: "GPU-hours",
      figure: true,
      what: "hours",
      cell: (_, i) => hours.cells[i],
      total: hours.total,
    },
    {
      text: "kWh",
      figure: true,
      what: "energy",
      cell: (row, i) => energyCell(row, energy.cells[i]),
      total: energy.total,
    },
  ];
}

/** What it cost, and where a policy says who bears what nobody had, what each bears of it. */
function costColumns<R extends Row>(rows: readonly R[], figures: Figures): AmountColumn<R>[] {
  const { currency } = figures;
  if (currency === undefined) return [];
  const column = (text: string, what: string, nanos: (cost: LineCost) => bigint) => {
    const printed = figures.money(rows.map(({ cost }) => (cost ? nanos(cost) : 0n)));
    const cell = (_: R, i: number): Child => printed.cells[i];
    return { text: `${text}, ${currency}`, figure: true, what, cell, total: printed.total };
  };
  const cost = column("Cost", "money", (each) => each.totalNanos);
  if (!rows.some((row) => row.cost?.allocated)) return [cost];
  return [
    cost,
    column("Allocated", "allocated", ({ allocated, totalNanos }) =>
      allocated ? allocated.totalNanos : totalNanos,
    ),
  ];
}

function shareColumn<R extends Row>(rows: readonly R[], figures: Figures): AmountColumn<R> {
  const byMoney = figures.currency !== undefined;
  const nanos = (row: R): bigint => row.cost?.totalNanos ?? 0n;
  const totalMs = rows.reduce((sum, row) => sum + row.gpuMs, 0);
  const totalNanos = rows.reduce((sum, row) => sum + nanos(row), 0n);
  return {
    text: byMoney ? "Of cost" : "Of time",
    figure: true,
    wide: true,
    cell: (row) => (byMoney ? percent(nanos(row), totalNanos) : percent(row.gpuMs, totalMs)),
    total: rows.length > 0 ? "100 %" : "–",
  };
}

/** What was not measured is said, not counted as nothing. */
export function energyCell(row: Row, printed: string | undefined): Child {
  if (row.gpuMs > 0 && measuredEnergyMj(row) === undefined) return notMeasured();
  if (row.energyUnmeasuredMs > 0)
    return [printed, h("abbr", { title: "for a part of this time energy was not measured" }, "*")];
  return printed;
}

/** In full where there is room. */
function notMeasured(): Html {
  return h(
    "span",
    { class: "absent", title: "not measured" },
    h("span", { class: "wide" }, "not measured"),
    h("span", { class: "short", role: "img", "aria-label": "not measured" }, "–"),
  );
}
