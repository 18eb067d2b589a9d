import { AssayError } from "../../model/errors.ts";
import type { ContextObservation } from "../../model/observation.ts";
import { isRecord } from "../recording/fields.ts";
import type { LinePlace } from "../recording/place.ts";
import { WarningLog } from "../recording/warnings.ts";
import { contextOf } from "../recording/who-lines.ts";
import { hashOf, MAX_ARGUMENTS } from "./map.ts";
import { bounded, malformedBody, MAX_NAME_LENGTH, type OtlpRecord } from "./otlp.ts";
import { parseJson, recordsOfJson } from "./otlp-json.ts";
import { maskSecrets } from "./secrets.ts";

/** What one line of a followed file holds: a context as such, or a request of OTLP. */
export type ContextLine =
  | { kind: "context"; context: ContextObservation }
  | { kind: "otlp"; records: Iterable<OtlpRecord> };

const MAX_PIDS = 64;
const NAMES = [
  "service",
  "agent",
  "run",
  "episode",
  "session",
  "tool",
  "container",
  "image",
  "host",
  "id",
] as const;

/** @throws AssayError `context/malformed`, `recording/malformed` */
export function contextLineOf(
  text: string,
  at: LinePlace,
  wanted: ReadonlySet<string>,
): ContextLine {
  const raw = parseJson(text);
  if (!isRecord(raw)) throw malformedBody("the line is no JSON object");
  if (Object.hasOwn(raw, "resourceSpans"))
    return { kind: "otlp", records: recordsOfJson("traces", raw, wanted) };
  if (Object.hasOwn(raw, "resourceLogs"))
    return { kind: "otlp", records: recordsOfJson("logs", raw, wanted) };
  const kind = raw["kind"] ?? "context";
  if (kind !== "context") throw new AssayError("context/malformed", "the line is no context");
  const context = contextOf({ ...raw, kind }, at, new WarningLog());
  return { kind: "context", context: tidied(context) };
}

/** Bounded, masked, and with an id: who reads the file again must not tell it twice. */
function tidied(context: ContextObservation): ContextObservation {
  const tidy: ContextObservation = { ...context };
  for (const name of NAMES) {
    const value = tidy[name];
    if (value !== undefined) tidy[name] = bounded(value, MAX_NAME_LENGTH);
  }
  if (tidy.arguments !== undefined)
    tidy.arguments = bounded(
      maskSecrets(bounded(tidy.arguments, 4 * MAX_ARGUMENTS)),
      MAX_ARGUMENTS,
    );
  if (tidy.pids) tidy.pids = tidy.pids.slice(0, MAX_PIDS);
  const { atMs: _, toMs: _to, ...said } = tidy;
  // Without its end: a later line that tells the end speaks of the same.
  tidy.id ??= `line:${hashOf([JSON.stringify(said)])}`;
  return tidy;
}
