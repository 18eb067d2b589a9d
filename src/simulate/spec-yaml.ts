import { distance } from "fastest-levenshtein";
import { type Document, isNode, LineCounter, type Node, parseDocument, visit } from "yaml";
import { z } from "zod";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import { firstFault } from "./spec-check.ts";
import { type Spec, specSchema } from "./spec-schema.ts";

type Path = readonly (string | number)[];

/** A specification that was read, and how to say where in its text something is wrong. */
export interface ReadSpec {
  spec: Spec;
  invalid: (path: Path, message: string, hint: string) => AssayError;
}

/** Aliases beyond this many are no specification but an attack on memory. */
const MAX_ALIASES = 100;
const MAX_TYPO_DISTANCE = 3;

/**
 * YAML text to a checked specification; `name` is only named in errors.
 * @throws AssayError `simulate/syntax`, `simulate/invalid`
 */
export function parseSpec(text: string, name: string): ReadSpec {
  const lines = new LineCounter();
  const place = (offset: number): string => `${name}:${lines.linePos(offset).line}`;
  const document = readable(name, () =>
    parseDocument(text, { lineCounter: lines, prettyErrors: false }),
  );
  const [syntax] = document.errors;
  if (syntax?.code === "MULTIPLE_DOCS")
    throw new AssayError("simulate/syntax", "a second document begins here", {
      place: place(syntax.pos[0]),
      hint: "a specification is one document: make two files of it, or take the line --- away",
    });
  if (syntax?.code === "RESOURCE_EXHAUSTION") throw tooDeep(place(syntax.pos[0]));
  if (syntax) throw notYaml(syntax.message, place(syntax.pos[0]));
  const cycle = readable(name, () => endlessAlias(document));
  if (cycle)
    throw new AssayError("simulate/syntax", `*${cycle.name} stands within what it names`, {
      place: place(cycle.offset),
      hint: "that has no end: write out what is meant",
    });
  const invalid = (path: Path, message: string, hint: string): AssayError =>
    new AssayError("simulate/invalid", `${pathText(path)}: ${message}`, {
      place: `${name}:${lineAt(document, lines, path)}`,
      hint,
    });
  const value = plain(document, name);
  if (value === undefined)
    throw invalid([], "is empty", "it needs node.length and gpus: data/simulate has examples");
  return { spec: checked(value, invalid), invalid };
}

/** @throws AssayError `simulate/syntax` where the text is nested deeper than the stack is */
function readable<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(place, cause);
    throw cause;
  }
}

function tooDeep(place: string, cause?: unknown): AssayError {
  return new AssayError("simulate/syntax", "is nested too deeply", {
    place,
    hint: "no setting is deeper than a few levels",
    cause,
  });
}

/** An alias within what it stands for. */
function endlessAlias(document: Document.Parsed): { name: string; offset: number } | undefined {
  const named = new Map<string, Node>();
  let found: { name: string; offset: number } | undefined;
  visit(document, {
    Node(_, node) {
      if ("anchor" in node && node.anchor !== undefined) named.set(node.anchor, node);
    },
    Alias(_, alias, path) {
      const target = named.get(alias.source);
      if (!target || !path.includes(target)) return;
      found = { name: sanitize(alias.source, 40), offset: alias.range?.[0] ?? 0 };
      return visit.BREAK;
    },
  });
  return found;
}

/** A specification that was built in code, as tests and benches do; places are paths. */
export function specOf(value: unknown): ReadSpec {
  const invalid = (path: Path, message: string, hint: string): AssayError =>
    new AssayError("simulate/invalid", message, { place: pathText(path), hint });
  return { spec: checked(value, invalid), invalid };
}

/** @throws AssayError `simulate/invalid` */
function checked(value: unknown, invalid: ReadSpec["invalid"]): Spec {
  const parsed = specSchema.safeParse(value ?? {});
  if (!parsed.success) throw faultOf(parsed.error, invalid);
  const fault = firstFault(parsed.data);
  if (fault) throw invalid(fault.path, fault.message, fault.hint);
  return parsed.data;
}

function faultOf(error: z.ZodError, invalid: ReadSpec["invalid"]): AssayError {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map((step) => (typeof step === "symbol" ? "?" : step));
  if (issue?.code !== "unrecognized_keys")
    return invalid(path, plainWords(issue?.message), "docs/simulator.md has every setting");
  const key = issue.keys[0] ?? "";
  const known = keysAt(path);
  const [nearest] = known
    .map((each) => ({ each, away: distance(key.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.away - b.away);
  const hint =
    nearest && nearest.away <= MAX_TYPO_DISTANCE
      ? `did you mean ${nearest.each}?`
      : `known here: ${known.join(", ")}`;
  return invalid([...path, sanitize(key, 40)], "unknown setting", hint);
}

function plainWords(message = "invalid"): string {
  return message.endsWith("received undefined") ? "is missing" : message;
}

/** @throws AssayError `simulate/syntax` */
function plain(document: Document.Parsed, name: string): unknown {
  try {
    return withoutNulls(document.toJS({ maxAliasCount: MAX_ALIASES }));
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(name, cause);
    throw notYaml(cause instanceof Error ? cause.message : String(cause), name);
  }
}

function notYaml(message: string, place: string): AssayError {
  return new AssayError("simulate/syntax", message.split("\n")[0] ?? "", {
    place,
    hint: "the file is YAML: check indentation, quotes and colons near this place",
  });
}

/** A section whose settings are all commented out reads as null: it is simply not there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value ?? undefined;
  const present = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(present.map(([key, inner]) => [key, withoutNulls(inner)]));
}

/** The line of the deepest part of `path` that is in the file. */
function lineAt(document: Document.Parsed, lines: LineCounter, path: Path): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** `["workloads", 2, "step"]` as `workloads[2].step`. */
function pathText(path: Path): string {
  const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return text.replace(/^\./, "") || "the specification";
}

const jsonSchemaNode = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  oneOf: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
});
type SchemaNode = z.infer<typeof jsonSchemaNode>;

/** The settings that the schema knows at a place, of any kind of workload. */
function keysAt(path: Path): string[] {
  const root = z.toJSONSchema(specSchema, { io: "input", unrepresentable: "any" });
  let nodes = alternatives(root);
  for (const step of path)
    nodes = nodes.flatMap((node) =>
      alternatives(
        typeof step === "number"
          ? node.items
          : (node.properties?.[step] ?? node.additionalProperties),
      ),
    );
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

function alternatives(value: unknown): SchemaNode[] {
  const parsed = jsonSchemaNode.safeParse(value);
  if (!parsed.success) return [];
  const { oneOf = [], anyOf = [] } = parsed.data;
  return [parsed.data, ...[...oneOf, ...anyOf].flatMap(alternatives)];
}
