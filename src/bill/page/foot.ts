import { formatDecimal } from "../../model/money.ts";
import { type Html, h } from "./html.ts";
import { grouped } from "./numbers.ts";
import { dataTable, section } from "./table.ts";
import { BREAKDOWNS, type Breakdown, type PageData, type Sums } from "./types.ts";

const NAMES: Readonly<Record<Breakdown, string>> = {
  owner: "By owner",
  state: "By label",
  model: "By GPU model",
  gpu: "By device",
  time: "Over time",
};

/** Every figure held against the window, in whole units. */
export function reconciliation(data: PageData): Html {
  const { report, sums } = data;
  const { reconciliation: books, totals, currency } = report;
  const total: Sums = {
    gpuMs: totals.gpuMs,
    energyMj: totals.energyMj,
    nanos: totals.cost?.totalNanos,
  };
  const priced = currency !== undefined;
  const row = (name: string, of: Sums, equal: string): string[] => [
    name,
    grouped(String(of.gpuMs)),
    grouped(String(of.energyMj)),
    ...(priced ? [grouped(formatDecimal(of.nanos ?? 0n, 9))] : []),
    equal,
  ];
  return section(
    "reconciliation",
    "Does it add up?",
    "Every GPU-millisecond of the window is in exactly one row of each table. The sums below are of all rows, in the units that are kept: nothing is rounded in them.",
    equation(books),
    dataTable({
      id: "sums",
      stacked: true,
      caption: "Sums of each table, to the last unit",
      headings: [
        { text: "Sum" },
        { text: "GPU-ms", figure: true },
        { text: "mJ", figure: true },
        ...(priced ? [{ text: `Cost, ${currency}`, figure: true }] : []),
        { text: "Against the total" },
      ],
      rows: BREAKDOWNS.map((name) => row(NAMES[name], sums[name], "equal")),
      foot: row("The window’s total", total, ""),
    }),
    allocatedNote(data),
    h(
      "p",
      { class: "note" },
      "In the tables above, figures are rounded together, so that each column adds up to its printed total with a pencil. The same amount may therefore differ by one in the last place from one table to another.",
    ),
  );
}

function equation(books: PageData["report"]["reconciliation"]): Html {
  const term = (value: number, what: string, sign = ""): Html =>
    h(
      "li",
      {},
      sign === "" ? undefined : h("span", { class: "sign" }, sign),
      h("b", {}, grouped(String(value))),
      h("small", {}, what),
    );
  return h(
    "ul",
    { class: "equation", "aria-label": books.equation },
    term(books.windowGpuMs, "GPU-ms in the window"),
    term(books.observedMs, "observed", "="),
    term(books.recordedUnobservedMs, "recorded as not observed", "+"),
    term(books.unrecordedMs, "without any record", "+"),
  );
}

function allocatedNote({ report: { totals, currency } }: PageData): Html | undefined {
  const { cost } = totals;
  if (!cost?.allocated || currency === undefined) return undefined;
  const { overheadNanos, totalNanos } = cost.allocated;
  const exact = (nanos: bigint): string => grouped(formatDecimal(nanos, 9));
  return h(
    "p",
    { class: "note" },
    `Allocated: ${exact(cost.totalNanos)} of cost + ${exact(overheadNanos)} of overhead = ${exact(totalNanos)} ${currency}. What is taken from one row is given to others.`,
  );
}
