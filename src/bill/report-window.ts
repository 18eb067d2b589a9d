import { parseDuration } from "../model/duration.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { Window } from "../model/window.ts";
import { formatInstant, parseInstant } from "./instant.ts";

const HINT =
  "give an ISO 8601 date or time (UTC where no zone is named), `now`, or one such as -24h";

/**
 * The window of a report from its arguments: ISO dates and times, `now`, or an age such as `-24h`.
 * What is not given is taken from the ledger's extent.
 * @throws AssayError report/window
 */
export function parseReportWindow(
  from: string | undefined,
  to: string | undefined,
  nowMs: number,
  extent: Window | undefined,
): Window {
  const fromMs = from === undefined ? extent?.fromMs : parseTime("from", from, nowMs);
  const toMs =
    to === undefined ? (extent?.toMs ?? fallbackEnd(from, nowMs)) : parseTime("to", to, nowMs);
  if (fromMs === undefined || toMs === undefined)
    throw new AssayError(
      "report/window",
      "The ledger holds no slice yet: there is no window to report.",
      {
        hint: "let the daemon run for some windows, or name both ends with --from and --to",
      },
    );
  if (fromMs < toMs) return { fromMs, toMs };
  const reach = extent
    ? `the ledger reaches from ${formatInstant(extent.fromMs)} to ${formatInstant(extent.toMs)}`
    : HINT;
  throw new AssayError(
    "report/window",
    `The window is ${fromMs === toMs ? "empty" : "reversed"}: from ${formatInstant(fromMs)} to ${formatInstant(toMs)}.`,
    { hint: reach },
  );
}

function fallbackEnd(from: string | undefined, nowMs: number): number | undefined {
  return from === undefined ? undefined : nowMs;
}

function parseTime(which: "from" | "to", text: string, nowMs: number): number {
  const trimmed = text.trim();
  if (trimmed === "now") return nowMs;
  const ageMs = trimmed.startsWith("-") ? parseDuration(trimmed.slice(1)) : undefined;
  const atMs = ageMs === undefined ? parseInstant(trimmed) : nowMs - ageMs;
  if (atMs !== undefined && Math.abs(atMs) <= MAX_TIME_MS) return atMs;
  throw new AssayError("report/window", `"${sanitize(trimmed, 40)}" is no time.`, {
    place: which,
    hint: HINT,
  });
}

/** The furthest instant a date can name. */
const MAX_TIME_MS = 8.64e15;
