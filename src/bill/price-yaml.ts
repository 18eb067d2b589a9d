import { closest, distance } from "fastest-levenshtein";
import { type Document, LineCounter, isMap, isNode, isScalar, parseDocument, visit } from "yaml";
import { z } from "zod";
import { AssayError } from "../model/errors.ts";
import { parseNanos } from "../model/money.ts";
import { sanitize } from "../model/text.ts";
import { parseInstant } from "./instant.ts";

const price = z.string('must be a decimal such as "2.49"').transform((text, context) => {
  const nanos = parseNanos(text);
  if (nanos !== undefined) return nanos;
  context.addIssue(
    `"${sanitize(text, 40)}" is no decimal of at most nine places, such as "2.49", and not below 0`,
  );
  return z.NEVER;
});

const instant = z.string("must be a date such as 2026-01-01").transform((text, context) => {
  const atMs = parseInstant(text);
  if (atMs !== undefined) return atMs;
  context.addIssue(
    `"${sanitize(text, 40)}" is no date such as 2026-01-01 or time such as 2026-01-01T12:00:00Z`,
  );
  return z.NEVER;
});

const endsLater = (dates: { from: number; to?: number | undefined }): boolean =>
  dates.to === undefined || dates.to > dates.from;
const ORDER = { message: "`to` must be later than `from`", path: ["to"] };

const pattern = z.string("must be a GPU's model name").min(1, "must not be empty").max(200);

const schema = z.strictObject({
  currency: z
    .string("must be a currency code such as USD")
    .regex(/^[A-Z]{3}$/, "must be a three-letter ISO 4217 code such as USD"),
  gpus: z
    .array(
      z
        .strictObject({ model: pattern, perGpuHour: price, from: instant, to: instant.optional() })
        .refine(endsLater, ORDER),
    )
    .default([]),
  energy: z
    .array(
      z
        .strictObject({ perKwh: price, from: instant, to: instant.optional() })
        .refine(endsLater, ORDER),
    )
    .default([]),
  default: z.strictObject({ perGpuHour: price }).optional(),
});

export type RawPrices = z.output<typeof schema>;

/** Keys by the place they belong to, for "did you mean". */
const KEYS = {
  top: ["currency", "gpus", "energy", "default"],
  gpus: ["model", "perGpuHour", "from", "to"],
  energy: ["perKwh", "from", "to"],
  default: ["perGpuHour"],
};

/**
 * YAML text to checked prices, and the line of every place in it.
 * @throws AssayError price/invalid
 */
export function readPriceYaml(
  text: string,
  name: string,
): { data: RawPrices; lineOf: (path: readonly PropertyKey[]) => number } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [syntax] = document.errors;
  if (syntax)
    throw invalid(name, lines.linePos(syntax.pos[0]).line, syntax.message.split("\n")[0] ?? "");
  const lineOf = (path: readonly PropertyKey[]): number => lineAt(document, lines, path);
  const parsed = schema.safeParse(plain(document, name));
  if (parsed.success) return { data: parsed.data, lineOf };
  const [issue] = parsed.error.issues;
  if (!issue) throw invalid(name, 1, "not a price list");
  if (issue.code === "unrecognized_keys") throw unknownKey(issue, name, lineOf);
  const where = issue.path.length === 0 ? "the price list" : issue.path.map(String).join(".");
  throw invalid(name, lineOf(issue.path), `${where}: ${issue.message}`);
}

/** The document as plain data; numbers stay the text they were written as, so no digit is lost. */
function plain(document: Document.Parsed, name: string): unknown {
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "number" && node.source !== undefined) node.value = node.source;
    },
  });
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("price/invalid", `The YAML cannot be read: ${why}.`, {
      place: name,
      cause,
    });
  }
}

/** The line of the deepest part of `path` that exists: of its key, where it has one. */
function lineAt(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]) {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === path[depth - 1])
      : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function unknownKey(
  issue: { path: readonly PropertyKey[]; keys: readonly string[] },
  name: string,
  lineOf: (path: readonly PropertyKey[]) => number,
): AssayError {
  const key = issue.keys[0] ?? "";
  const [top] = issue.path;
  const known = top === "gpus" || top === "energy" || top === "default" ? KEYS[top] : KEYS.top;
  const nearest = closest(key, known);
  const near = distance(key, nearest) <= Math.max(2, nearest.length / 2);
  const hint = near ? `did you mean ${nearest}?` : `known here: ${known.join(", ")}`;
  return invalid(name, lineOf([...issue.path, key]), `Unknown key "${sanitize(key, 40)}".`, hint);
}

function invalid(name: string, line: number, message: string, hint?: string): AssayError {
  return new AssayError("price/invalid", message, { place: `${name}:${line}`, hint });
}
