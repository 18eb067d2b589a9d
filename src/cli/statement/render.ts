import { formatInstant } from "../../bill/instant.ts";
import { type Amounts, measuredEnergyMj } from "../../bill/report-types.ts";
import type { Statement } from "../../bill/statement/statement.ts";
import { formatDecimal } from "../../model/money.ts";
import type { Window } from "../../model/window.ts";
import { fit, plainTable } from "../explain/table.ts";
import { type Section, sectionsOf } from "./sections.ts";

const WIDTH = 110;
const NARROW = 14;

export const STATEMENT_FORMATS = ["table", "json", "markdown"] as const;
export type StatementFormat = (typeof STATEMENT_FORMATS)[number];

export function renderStatement(statement: Statement, format: StatementFormat): string {
  if (format === "json") return statementJson(statement);
  const render = format === "table" ? textOf : markdownOf;
  return `${sectionsOf(statement).flatMap(render).join("\n")}\n`;
}

function textOf({ title, table, lines }: Section): string[] {
  const widthOf = (at: number): number =>
    Math.min(
      NARROW * 2,
      Math.max(...[table?.head ?? [], ...(table?.rows ?? [])].map((row) => row[at]?.length ?? 0)),
    );
  const last = (table?.head.length ?? 0) - 1;
  const columns = (table?.head ?? []).map((head, at) =>
    at === last ? { head } : { head, width: widthOf(at) },
  );
  return [
    title,
    ...(table ? plainTable(columns, table.rows, { width: WIDTH }) : []),
    ...(lines ?? []).flatMap(wrapped),
    "",
  ];
}

function wrapped(line: string): string[] {
  const indent = line.startsWith("  ") ? "      " : "  ";
  return fit(line.trim(), WIDTH - indent.length)
    .split("\n")
    .map((each) => indent + each);
}

function markdownOf({ title, table, lines }: Section): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map(escaped).join(" | ")} |`;
  return [
    `## ${escaped(title)}`,
    "",
    ...(table
      ? [row(table.head), row(table.head.map(() => "---")), ...table.rows.map(row), ""]
      : []),
    ...(lines ?? []).map((line) =>
      line.startsWith("  ") ? `  - ${escaped(line.trim())}` : `- ${escaped(line)}`,
    ),
    ...(lines ? [""] : []),
  ];
}

/** Nothing that an owner wrote becomes a link, an image, HTML or a cell of its own. */
function escaped(text: string): string {
  return /^-+$/.test(text) ? text : text.replace(/[\\`*_{}[\]()#+!|<>~&]/g, "\\$&");
}

/** Milliseconds, millijoules, and money as decimal strings of nine places. */
function statementJson(statement: Statement): string {
  const { report, lines, totals, days, labels, gpus, disputes, corrections, ...rest } = statement;
  const { window, generatedAtMs, ...about } = pick(report);
  const document = {
    format: "gpu-assay/statement/1",
    owner: rest.ownerKey,
    ...about,
    window: span(window),
    generatedAt: formatInstant(generatedAtMs),
    totals: {
      used: amounts(totals.used),
      held: amounts(totals.held),
      all: amounts(totals.all),
    },
    lines: lines.map((line) => ({ charge: line.charge, ...line.group, ...amounts(line) })),
    days: days.map(({ fromMs, ...day }) => ({ day: formatInstant(fromMs).slice(0, 10), ...day })),
    labels: labels.map((each) => ({
      ...each,
      longest: each.longest.map(timed),
      leastCertain: each.leastCertain.map(timed),
    })),
    identity: rest.owner,
    gpus: gpus.map(({ uuid, index, model, node }) => ({ uuid, index, model, node })),
    processes: rest.processes.map(({ firstSeenMs, ...each }) => ({
      ...each,
      firstSeen: formatInstant(firstSeenMs),
    })),
    moreProcesses: rest.moreProcesses,
    disputes: disputes.map(acted),
    corrections: corrections.map(acted),
    keptBack: rest.keptBack,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function pick({
  window,
  generatedAtMs,
  currency,
  priceList,
  simulated,
  coverage,
  nodes,
}: Statement["report"]) {
  return { window, generatedAtMs, currency, priceList, simulated, coverage, nodes };
}

function amounts(of: Amounts): object {
  const { gpuMs, energyUnmeasuredMs, cost } = of;
  const decimal = (nanos: bigint | undefined): string | undefined =>
    nanos === undefined ? undefined : formatDecimal(nanos, 9);
  return {
    gpuMs,
    energyMj: measuredEnergyMj(of),
    energyUnmeasuredMs,
    cost: decimal(cost?.totalNanos),
  };
}

function timed<T extends Window>({ fromMs, toMs, ...rest }: T): object {
  return { ...span({ fromMs, toMs }), ...rest };
}

function acted<T extends { atMs: number; window: Window }>({ atMs, window, ...rest }: T): object {
  return { at: formatInstant(atMs), window: span(window), ...rest };
}

function span({ fromMs, toMs }: Window): { from: string; to: string } {
  return { from: formatInstant(fromMs), to: formatInstant(toMs) };
}
