import { AssayError } from "../../model/errors.ts";
import type { NodeObservation } from "../../model/observation.ts";
import { isRecord, type RawLine } from "./fields.ts";
import { nodeOf } from "./parse.ts";
import { type LinePlace, placeText } from "./place.ts";
import type { WarningLog } from "./warnings.ts";

export const FORMAT_VERSION = 1;

/**
 * The first line as the node it speaks of.
 * @throws AssayError `recording/no-header`, `recording/version`, `recording/malformed`
 */
export function headerOf(text: string, at: LinePlace, warnings: WarningLog): NodeObservation {
  const raw = headerLine(text);
  if (raw === undefined)
    throw new AssayError("recording/no-header", "the first line is not a `recording` header", {
      place: placeText(at),
      hint: 'a recording begins with {"kind":"recording","version":1,…}: is this another kind of file?',
    });
  const version = raw["version"];
  if (majorOf(version) !== FORMAT_VERSION)
    throw new AssayError("recording/version", `format version ${JSON.stringify(version)}`, {
      place: placeText(at),
      hint: `this program reads recordings of version ${FORMAT_VERSION} and 1.x`,
    });
  return nodeOf(raw, at, warnings);
}

function headerLine(text: string): RawLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && value["kind"] === "recording" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The major part of `1`, `1.2` or `"1.2"`. */
function majorOf(version: unknown): number | undefined {
  if (typeof version === "number") return Math.floor(version);
  if (typeof version !== "string") return undefined;
  const match = /^(\d+)(?:\.\d+)*$/.exec(version);
  return match ? Number(match[1]) : undefined;
}
