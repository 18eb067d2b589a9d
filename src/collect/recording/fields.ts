import { type LinePlace, malformed } from "./place.ts";

/** A JSON object whose fields have not been looked at yet. */
export type RawLine = Readonly<Record<string, unknown>>;

/** The year 5138. Anything later is a time in milliseconds. */
const MAX_UNIX_SECONDS = 1e11;

/** `["list", 3, "pid"]` as `list[3].pid`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

export function typeName(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/**
 * Unix seconds to integer Unix milliseconds, rounded to the nearest.
 * @throws AssayError `recording/malformed` if it is no number or cannot be a time in seconds
 */
export function millisecondsOf(value: unknown, field: string, at: LinePlace): number {
  if (typeof value !== "number")
    throw malformed(at, `\`${field}\` must be a number of Unix seconds, not ${typeName(value)}`);
  if (!(value >= 0 && value < MAX_UNIX_SECONDS))
    throw malformed(
      at,
      `\`${field}\` is no time in Unix seconds: ${value}`,
      "times are Unix seconds with a fraction, not milliseconds",
    );
  return Math.round(value * 1000);
}

/** @throws AssayError `recording/malformed` if it is no index */
export function gpuIndexOf(value: unknown, at: LinePlace): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const what = typeof value === "number" ? String(value) : typeName(value);
  throw malformed(at, `\`gpu\` must be the index of a GPU, not ${what}`);
}

/** The fields that say something: null is "not measured", as absence is. */
export function withoutNulls(raw: RawLine): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(raw).filter(([, value]) => value !== null && value !== undefined),
  );
}

export function isRecord(value: unknown): value is RawLine {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
