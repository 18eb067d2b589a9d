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
}

/** A table that scrolls by itself where it does not fit, never the page. */
export function dataTable({ caption, headings, rows, foot, id }: Table): Html {
  const columns = headings.map(({ figure, wide, what }) => ({
    class: [figure ? "figure" : "", wide ? "wide" : ""].join(" ").trim() || undefined,
    "data-what": what,
  }));
  const row = (cells: readonly Child[]): Html =>
    h(
      "tr",
      {},
      cells.map((cell, i) =>
        i === 0 ? h("th", { scope: "row", ...columns[i] }, cell) : h("td", { ...columns[i] }, cell),
      ),
    );
  return h(
    "div",
    { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
    h(
      "table",
      { id },
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          headings.map(({ text }, i) => h("th", { scope: "col", class: columns[i]?.class }, text)),
        ),
      ),
      h("tbody", {}, rows.map(row)),
      foot ? h("tfoot", {}, row(foot)) : undefined,
    ),
  );
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
