/** A piece of well-formed HTML: made by {@link h}, {@link say} and {@link join} alone. */
export interface Html {
  readonly html: string;
}

type Attributes = Readonly<Record<string, string | number | true | undefined>>;
export type Child = Html | string | undefined | readonly Child[];

const VOID = new Set(["meta", "col"]);
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** An element. Strings become text, whatever is in them; attributes without a value are left out. */
export function h(name: string, attributes: Attributes, ...children: readonly Child[]): Html {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => (value === true ? ` ${key}` : ` ${key}="${escaped(valueText(value))}"`))
    .join("");
  if (VOID.has(name)) return { html: `<${name}${written}>` };
  return { html: `<${name}${written}>${join(...children).html}</${name}>` };
}

/** Children one after the other. */
export function join(...children: readonly Child[]): Html {
  return { html: children.map(textOf).join("") };
}

function textOf(child: Child): string {
  if (child === undefined) return "";
  if (typeof child === "string") return escaped(child);
  return "html" in child ? child.html : join(...child).html;
}

function valueText(value: string | number | undefined): string {
  return typeof value === "number" ? String(Math.round(value * 1000) / 1000) : (value ?? "");
}

/** Control characters and lone surrogates, which no document may hold, become the replacement character. */
function escaped(content: string): string {
  return content
    .replace(
      /[^\t\n\r\u{20}-\u{7e}\u{a0}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu,
      "\u{fffd}",
    )
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
