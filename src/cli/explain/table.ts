import Table from "cli-table3";

/** Between two columns. */
const GAP = 2;
const INDENT = 2;

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
}

/** A row of cells; a heading over all columns, which what follows stands close to; or a note over them. */
export type Row = readonly string[] | { heading: string } | { note: string };

/** A table without lines or colour, as wide as the terminal at most. */
export function plainTable(
  columns: readonly Column[],
  rows: readonly Row[],
  { width, isAiry = false }: TableOptions,
): string[] {
  const taken = columns.reduce((sum, column) => sum + (column.width ?? 0) + GAP, -GAP);
  const rest = Math.max(8, width - INDENT - taken);
  const widths = columns.map((column) => column.width ?? rest);
  const table = new Table({
    chars: isAiry ? AIRY : DENSE,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: columns.map(({ isNumber }) => (isNumber ? "right" : "left")),
    colWidths: widths,
  });
  const cells = (texts: readonly string[]): string[] =>
    texts.map((text, i) => fit(text, widths[i] ?? rest));
  table.push(cells(columns.map(({ head }) => head)));
  const across = (text: string) => [
    { content: fit(text, width - INDENT), colSpan: columns.length },
  ];
  for (const row of rows)
    if ("heading" in row) table.push(across(row.heading));
    else if ("note" in row) table.push(across(row.note));
    else table.push(cells(row));
  const indent = " ".repeat(INDENT);
  const headings = new Set(rows.flatMap((row) => ("heading" in row ? [row.heading] : [])));
  const lines = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  // No empty line between a heading and what it is about.
  const kept = lines.filter((line, i) => line !== "" || !headings.has(lines[i - 1] ?? ""));
  return kept.map((line) => (line === "" ? "" : indent + line));
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

const NONE = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
};
const DENSE = { ...NONE, middle: " ".repeat(GAP) };
const AIRY = { ...DENSE, mid: " ", "mid-mid": " " };
