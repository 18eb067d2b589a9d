import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import {
  type Indicators,
  indicatorsSchema,
  type IndicatorUpdate,
  indicatorUpdateSchema,
} from "../classify/host/indicator-data.ts";
import { updated } from "../classify/host/indicator-update.ts";
import { AssayError } from "../model/errors.ts";
import { positionOf } from "./yaml-position.ts";

/** Of the state directory: what `assay indicators update` has put there. */
const FOLDER = "indicators";
const LIST_FILE = /^[A-Za-z0-9][\w.-]{0,80}\.(?:json|ya?ml)$/;
const MAX_BYTES = 4 * 1024 ** 2;
const MAX_FILES = 100;
const HINT = "docs/evidence.md shows the form of such a file";

/** A file of lists that was read, and what it says. */
export interface IndicatorFile {
  path: string;
  text: string;
  update: IndicatorUpdate;
}

export function indicatorFolder(stateDir: string): string {
  return join(stateDir, FOLDER);
}

/**
 * The lists that ship, with those of the state directory in the order of their names and then those
 * of the configuration.
 * @throws AssayError `indicators/*`
 */
export function loadIndicators(
  shipped: Indicators,
  stateDir: string | undefined,
  files: readonly string[] = [],
): Indicators {
  const kept = stateDir === undefined ? [] : listFiles(indicatorFolder(stateDir), true);
  return withFiles(shipped, [...kept, ...files].map(readIndicatorFile));
}

/** @throws AssayError `indicators/invalid` where what comes of them is no set of lists any more */
export function withFiles(base: Indicators, files: readonly IndicatorFile[]): Indicators {
  let made = base;
  for (const { path, update } of files) {
    const checked = indicatorsSchema.safeParse(updated(made, update));
    if (!checked.success) throw invalid(checked.error, path, undefined);
    made = checked.data;
  }
  return made;
}

/**
 * The list files of a directory, by name; others in it are left alone.
 * @throws AssayError `indicators/not-found`
 */
export function listFiles(folder: string, mayBeMissing = false): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    if (mayBeMissing && isMissing(cause)) return [];
    throw unreadable(folder, cause);
  }
  const found = names.filter((name) => LIST_FILE.test(name)).sort();
  return found.slice(0, MAX_FILES).map((name) => join(folder, name));
}

/** A file, or those of a directory. @throws AssayError `indicators/*` */
export function readIndicatorPath(path: string): IndicatorFile[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const files = isFolder ? listFiles(path) : [path];
  if (files.length > 0) return files.map(readIndicatorFile);
  throw new AssayError("indicators/not-found", "the directory holds no list", {
    place: path,
    hint: "lists are files that end in .json, .yaml or .yml",
  });
}

/** @throws AssayError `indicators/*` */
export function readIndicatorFile(path: string): IndicatorFile {
  const text = readText(path);
  const lines = new LineCounter();
  // JSON is YAML, and the parser knows the lines of both.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    const place = `${path}:${line}:${col}`;
    throw new AssayError("indicators/invalid", syntax.message, { place, hint: HINT });
  }
  const parsed = indicatorUpdateSchema.safeParse(plain(document, path));
  if (parsed.success) return { path, text, update: parsed.data };
  throw invalid(parsed.error, path, { document, lines });
}

/** Aliases that multiply are refused by the parser when they are spelt out. */
function plain(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 20 });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new AssayError("indicators/invalid", message, { place: path, hint: HINT, cause });
  }
}

function readText(path: string): string {
  let size: number;
  let text: string;
  try {
    const stats = statSync(path);
    size = stats.isFile() ? stats.size : MAX_BYTES + 1;
    text = size > MAX_BYTES ? "" : readFileSync(path, "utf8");
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (size <= MAX_BYTES) return text;
  throw new AssayError("indicators/invalid", "that is no list, or one that is far too long", {
    place: path,
    hint: "a regular file of 4 MiB at most",
  });
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function unreadable(path: string, cause: unknown): AssayError {
  return new AssayError("indicators/not-found", "the indicator lists cannot be read", {
    place: path,
    hint: "name a file, or a directory of files, that exists and may be read",
    cause,
  });
}

function invalid(
  error: z.ZodError,
  path: string,
  source: { document: Document; lines: LineCounter } | undefined,
): AssayError {
  const [issue] = error.issues;
  const at = (issue?.path ?? []).map((step) => (typeof step === "symbol" ? String(step) : step));
  const place = `${path}${source ? positionOf(source, at) : ""}`;
  const name = at.join(".");
  const message = `${name === "" ? "the file" : name}: ${issue?.message ?? "is malformed"}`;
  return new AssayError("indicators/invalid", message, { place, hint: HINT });
}
