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

/** A row of cells, or a heading over all columns. */
export type Row = readonly string[] | { heading: string };

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
  for (const row of rows)
    table.push(
      "heading" in row
        ? [{ content: fit(row.heading, width - INDENT), colSpan: columns.length }]
        : cells(row),
    );
  const indent = " ".repeat(INDENT);
  return table
    .toString()
    .split("\n")
    .map((line) => (indent + line).trimEnd());
}

/** Words of a text on lines of a width; one that is longer is broken anywhere, and nothing is lost. */
export function fit(text: string, width: number): string {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ").flatMap((each) => pieces(each, width))) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.join("\n");
}

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
