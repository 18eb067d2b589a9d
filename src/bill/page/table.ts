import { type Child, type Html, h } from "./html.ts";

export interface Heading {
  text: Child;
  /** Figures: set to the right, in columns. */
  figure?: boolean;
  /** Left out where there is no room: what the other columns say already. */
  wide?: boolean;
  /** What a program finds the column by. */
  what?: string;
}

export interface Table {
  caption: string;
  headings: readonly Heading[];
  /** The first cell of each is the row's head. */
  rows: readonly (readonly Child[])[];
  foot?: readonly Child[] | undefined;
  id?: string;
  /** On a phone each row's cells stand one below the other, each with its heading: nothing scrolls. */
  stacked?: boolean;
}

/** A table that scrolls by itself where it does not fit, never the page. */
export function dataTable(table: Table): Html {
  const { caption, headings, rows, foot, id, stacked } = table;
  const columns = headings.map((heading) => columnOf(heading, stacked));
  // Said, because cells that are set as blocks would be no cells to a screen reader.
  const role = (name: string): string | undefined => (stacked ? name : undefined);
  const row = (cells: readonly Child[]): Html =>
    h(
      "tr",
      { role: role("row") },
      cells.map((cell, i) =>
        i === 0
          ? h("th", { scope: "row", role: role("rowheader"), ...columns[i] }, cell)
          : h("td", { role: role("cell"), ...columns[i] }, cell),
      ),
    );
  const head = headings.map(({ text }, i) =>
    h("th", { scope: "col", role: role("columnheader"), class: columns[i]?.class }, text),
  );
  const group = { role: role("rowgroup") };
  return h(
    "div",
    { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
    h(
      "table",
      { id, class: stacked ? "stacked" : undefined, role: role("table") },
      h("caption", {}, caption),
      h("thead", group, h("tr", { role: role("row") }, head)),
      h("tbody", group, rows.map(row)),
      foot ? h("tfoot", group, row(foot)) : undefined,
    ),
  );
}

function columnOf({ text, figure, wide, what }: Heading, stacked = false) {
  return {
    class: [figure ? "figure" : "", wide ? "wide" : ""].join(" ").trim() || undefined,
    "data-what": what,
    "data-heading": stacked && typeof text === "string" ? text : undefined,
  };
}

/** A part of the page with its heading and a sentence on what it says. */
export function section(
  id: string,
  heading: string,
  lead: Child,
  ...children: readonly Child[]
): Html {
  return h(
    "section",
    { id, "aria-labelledby": `${id}-heading` },
    h("h2", { id: `${id}-heading` }, heading),
    lead === undefined ? undefined : h("p", { class: "lead" }, lead),
    ...children,
  );
}

/** What is there for who wants it: open on paper. */
export function more(summary: string, ...children: readonly Child[]): Html {
  return h("details", {}, h("summary", {}, summary), ...children);
}
