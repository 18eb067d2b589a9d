import { type Document, LineCounter, isMap, isNode, isScalar, parseDocument, visit } from "yaml";
import { z } from "zod";
import { AssayError } from "../model/errors.ts";
import { nearestName } from "../model/nearest.ts";
import { sanitize } from "../model/text.ts";
import { CURRENCY_ISSUE } from "./price-fields.ts";
import { knownKeys, priceSchema, type RawPrices } from "./price-schema.ts";

/**
 * YAML text to checked prices, and the line of every place in it.
 * @throws AssayError price/invalid, price/currency
 */
export function readPriceYaml(
  text: string,
  name: string,
): { data: RawPrices; lineOf: (path: readonly PropertyKey[]) => number } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [syntax] = document.errors;
  if (syntax) throw invalid(name, lines.linePos(syntax.pos[0]).line, firstLine(syntax.message));
  const lineOf = (path: readonly PropertyKey[]): number => lineAt(document, lines, path);
  const parsed = priceSchema.safeParse(plain(document, name));
  if (parsed.success) return { data: parsed.data, lineOf };
  const has = (path: readonly PropertyKey[]): boolean => document.hasIn(path);
  const issue = firstIssue(parsed.error.issues, lineOf, has);
  if (!issue) throw invalid(name, 1, "not a price list");
  if (issue.code === "unrecognized_keys") throw unknownKey(issue, name, lineOf);
  if (document.contents === null || document.toJS() === null)
    throw invalid(name, 1, "The file is empty.", `begin with a line such as "currency: USD"`);
  const where = issue.path.length === 0 ? "the price list" : issue.path.map(String).join(".");
  const wrong = currencyIssue.safeParse(issue);
  if (wrong.success)
    throw new AssayError("price/currency", `${where}: ${issue.message}.`, {
      place: `${name}:${lineOf(issue.path)}`,
      hint: wrong.data.params.hint,
    });
  throw invalid(name, lineOf(issue.path), `${where}: ${plainWords(issue)}`);
}

/** Without the text that the parser quotes below it, and the colon before that. */
function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/:$/, "");
}

type Issue = z.core.$ZodIssue;

/**
 * The issue that comes first in the file. What is missing comes after an unknown key beside it: it is
 * most likely that key, misspelt.
 */
function firstIssue(
  issues: readonly Issue[],
  lineOf: (path: readonly PropertyKey[]) => number,
  has: (path: readonly PropertyKey[]) => boolean,
): Issue | undefined {
  const unknown = new Map<string, number>();
  for (const issue of issues)
    if (issue.code === "unrecognized_keys")
      unknown.set(JSON.stringify(issue.path), lineOf([...issue.path, issue.keys[0] ?? ""]));
  const rank = (issue: Issue): number => {
    if (issue.code === "unrecognized_keys") return unknown.get(JSON.stringify(issue.path)) ?? 1;
    const line = lineOf(issue.path);
    const beside = unknown.get(JSON.stringify(issue.path.slice(0, -1)));
    return beside === undefined || has(issue.path) ? line : Math.max(line, beside) + 0.5;
  };
  return [...issues].sort((a, b) => rank(a) - rank(b))[0];
}

/** What a person can act on where a value is of a wrong kind altogether. */
function plainWords({ code, path, message, ...issue }: Issue): string {
  if (code !== "invalid_type" || !message.startsWith("Invalid input: ")) return message;
  const { expected } = issue as { expected?: string };
  if (expected === "array") return "must be a list";
  return expected === "object"
    ? `must be a mapping with ${knownKeys(path[0]).join(", ")}`
    : message;
}

const currencyIssue = z.object({
  params: z.object({ kind: z.literal(CURRENCY_ISSUE), hint: z.string() }),
});

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
  const known = knownKeys(issue.path[0]);
  const nearest = nearestName(key, known);
  const hint = nearest ? `did you mean ${nearest}?` : `known here: ${known.join(", ")}`;
  return invalid(name, lineOf([...issue.path, key]), `Unknown key "${sanitize(key, 40)}".`, hint);
}

function invalid(name: string, line: number, message: string, hint?: string): AssayError {
  return new AssayError("price/invalid", message, { place: `${name}:${line}`, hint });
}
