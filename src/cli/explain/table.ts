import Table from "cli-table3";
import { NO_LINES } from "../no-lines.ts";

/** Between two columns. */
const GAP = 2;
const INDENT = 2;
/** Of a column that has none of its own. */
const MIN_WIDTH = 8;

export interface Column {
  head: string;
  /** The column without one takes what the others leave. */
  width?: number;
  isNumber?: boolean;
}

export interface TableOptions {
  /** Columns of the terminal. */
  width: number;
  /** An empty line between two rows: for rows of several lines. */
  isAiry?: boolean;
  /**
   * Each row is one line: a text that is too long for its cell is cut, with an ellipsis. Figures never
   * are: their columns are as wide as the widest.
   */
  isCut?: boolean;
}

/** A row of cells, a heading that what follows stands close to, or a text over all columns. */
export type Row = readonly string[] | { heading: string } | string;

/** A table without lines or colour, as wide as the terminal at most. */
export function plainTable(
  columns: readonly Column[],
  rows: readonly Row[],
  { width, isAiry = false, isCut = false }: TableOptions,
): string[] {
  const figures = (i: number): number =>
    rows.reduce(
      (most, row) => (Array.isArray(row) ? Math.max(most, row[i]?.length ?? 0) : most),
      0,
    );
  const given = columns.map(({ width: own, isNumber }, i) =>
    isCut && isNumber && own !== undefined ? Math.max(own, figures(i)) : own,
  );
  const taken = given.reduce<number>((sum, own) => sum + (own ?? 0) + GAP, -GAP);
  const rest = Math.max(MIN_WIDTH, width - INDENT - taken);
  const widths = given.map((own) => own ?? rest);
  const shown = (row: readonly string[]): readonly string[] =>
    isCut
      ? row.map((text, i) => (columns[i]?.isNumber ? text : shortened(text, widths[i] ?? rest)))
      : row;
  const between = isAiry ? [""] : [];
  const lines = cellLines(columns, widths, [columns.map(({ head }) => head)], isAiry);
  let run: (readonly string[])[] = [];
  let isHeaded = false;
  const flush = (): void => {
    if (run.length > 0)
      lines.push(...(isHeaded ? [] : between), ...cellLines(columns, widths, run, isAiry));
    if (run.length > 0) isHeaded = false;
    run = [];
  };
  const across = (text: string, gap: readonly string[]): void =>
    void lines.push(...gap, ...fit(text, width - INDENT).split("\n"));
  for (const row of rows)
    if (typeof row === "string") {
      flush();
      across(row, isHeaded ? [] : between);
      isHeaded = false;
    } else if ("heading" in row) {
      flush();
      across(row.heading, between);
      isHeaded = true;
    } else run.push(shown(row));
  flush();
  return lines.map((line) => (line === "" ? "" : " ".repeat(INDENT) + line));
}

function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Rows below each other. A table of its own for each run of them: the library's time grows with the square. */
function cellLines(
  columns: readonly Column[],
  widths: readonly number[],
  rows: readonly (readonly string[])[],
  isAiry: boolean,
): string[] {
  const table = new Table({
    chars: isAiry ? AIRY : DENSE,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: columns.map(({ isNumber }) => (isNumber ? "right" : "left")),
    colWidths: [...widths],
  });
  for (const row of rows) table.push(row.map((text, i) => fit(text, widths[i] ?? 8)));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

/**
 * Words of a text on lines of a width, further in where a paragraph begins so. A word that is longer
 * is broken anywhere, and nothing is lost; a number and its per cent stay together.
 */
export function fit(text: string, width: number): string {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    const indent = /^ */.exec(paragraph)?.[0] ?? "";
    const room = width - indent.length;
    let line = "";
    for (const word of paragraph
      .trim()
      .split(BREAK)
      .flatMap((each) => pieces(each, room))) {
      if (line !== "" && line.length + 1 + word.length > room) {
        lines.push(indent + line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(indent + line);
  }
  return lines.join("\n");
}

const BREAK = /(?<![<>]) (?!%)/;

function pieces(word: string, width: number): string[] {
  const found: string[] = [];
  for (let at = 0; at < word.length; at += width) found.push(word.slice(at, at + width));
  return found.length === 0 ? [""] : found;
}

const DENSE = { ...NO_LINES, middle: " ".repeat(GAP) };
const AIRY = { ...DENSE, mid: " ", "mid-mid": " " };
