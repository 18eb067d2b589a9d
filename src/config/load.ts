import { readFileSync } from "node:fs";
import { LineCounter, parseDocument, type Document } from "yaml";
import { z } from "zod";
import { AssayError } from "../model/errors.ts";
import { nearestName } from "../model/nearest.ts";
import { type Config, configSchema } from "./schema.ts";
import { positionOf } from "./yaml-position.ts";

/** Reads and checks a YAML configuration file. @throws AssayError config/* */
export function loadConfig(path: string | undefined): Config {
  if (path === undefined) return configSchema.parse({});
  return parseConfig(readText(path), path);
}

/** Checks a configuration text; `path` is only named in errors. */
export function parseConfig(text: string, path: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    throw new AssayError("config/syntax", syntax.message, {
      place: `${path}:${line}:${col}`,
      hint: "the file is YAML: check indentation, quotes and colons near this place",
    });
  }
  const parsed = configSchema.safeParse(withoutNulls(document.toJS()) ?? {});
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error, document, lines, path);
}

function invalid(
  error: z.ZodError,
  document: Document,
  lines: LineCounter,
  path: string,
): AssayError {
  const [issue] = error.issues;
  if (!issue) return new AssayError("config/invalid", "the configuration is invalid");
  const unknownKey = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const where = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
  const full = unknownKey === undefined ? where : [...where, unknownKey];
  const place = `${path}${positionOf({ document, lines }, full)}`;
  const name = full.join(".");
  if (unknownKey === undefined)
    return new AssayError("config/invalid", `${name || "the file"}: ${issue.message}`, {
      place,
      hint: "`assay config print` shows every setting with its default",
    });
  const nearest = nearestName(unknownKey, keysAt(where));
  return new AssayError("config/invalid", `unknown setting ${name}`, {
    place,
    hint: nearest
      ? `did you mean ${nearest}?`
      : "`assay config print` shows every setting there is",
  });
}

/** A section whose settings are all commented out reads as null: it is simply not there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value ?? undefined;
  const present = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(present.map(([key, inner]) => [key, withoutNulls(inner)]));
}

const jsonSchemaNode = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
});

/** The settings the schema knows at a place. */
function keysAt(path: readonly (string | number)[]): string[] {
  let node = jsonSchemaNode.parse(
    z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }),
  );
  for (const step of path) {
    const next = typeof step === "number" ? node.items : node.properties?.[step];
    const parsed = jsonSchemaNode.safeParse(next);
    if (!parsed.success) return [];
    node = parsed.data;
  }
  return Object.keys(node.properties ?? {});
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AssayError("config/not-found", "the configuration file cannot be read", {
      place: path,
      hint: "give an existing file with --config, or none for the defaults",
      cause,
    });
  }
}
