import { parseDuration } from "../model/duration.ts";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { Window } from "../model/window.ts";
import { formatInstant, readTime } from "./instant.ts";
import { type TimeZone, instantOf, parseTimeZone, startOfDay } from "./zone.ts";

const HINT =
  "give an ISO 8601 date or time (UTC where no zone is named), `now`, or one such as -24h";

/** A report's window as it is asked for. A month or a day stands for both ends. */
export interface WindowArguments {
  /** ISO dates and times, `now`, or an age such as `-24h`. */
  from?: string | undefined;
  to?: string | undefined;
  /** `2026-02`. */
  month?: string | undefined;
  /** `2026-02-28`. */
  day?: string | undefined;
  /** Where dates and times that name no zone are of: a name of the IANA list. UTC where absent. */
  timeZone?: string | undefined;
}

/**
 * The window that is asked for. What is not given is taken from the ledger's extent.
 * @throws AssayError report/window
 */
export function reportWindow(
  { from, to, month, day, timeZone }: WindowArguments,
  nowMs: number,
  extent: Window | undefined,
): Window {
  const zone = timeZone === undefined ? undefined : parseTimeZone(timeZone);
  const ends = [from ?? to, month, day].filter((given) => given !== undefined);
  if (ends.length > 1)
    throw new AssayError("report/window", "The window is given twice.", {
      hint: "name from and to, or a month, or a day",
    });
  if (month !== undefined) return wholeMonth(month, zone);
  if (day !== undefined) return wholeDay(day, zone);
  return parseReportWindow(from, to, nowMs, extent, zone);
}

function wholeMonth(text: string, zone: TimeZone | undefined): Window {
  const first = /^\d{4}-\d{2}$/.test(text.trim()) ? readTime(`${text.trim()}-01`) : undefined;
  if (!first) throw noTime("month", text, "give a month such as 2026-02");
  const next = new Date(first.atMs);
  next.setUTCMonth(next.getUTCMonth() + 1);
  return days(first.atMs, next.getTime(), zone);
}

function wholeDay(text: string, zone: TimeZone | undefined): Window {
  const first = readTime(text);
  if (!first?.isDay) throw noTime("day", text, "give a day such as 2026-02-28");
  return days(first.atMs, first.atMs + 86_400_000, zone);
}

function days(fromMs: number, toMs: number, zone: TimeZone | undefined): Window {
  if (!zone) return { fromMs, toMs };
  return { fromMs: startOfDay(fromMs, zone), toMs: startOfDay(toMs, zone) };
}

/**
 * The window between two ends: ISO dates and times, `now`, or an age such as `-24h`.
 * What is not given is taken from the ledger's extent.
 * @throws AssayError report/window
 */
export function parseReportWindow(
  from: string | undefined,
  to: string | undefined,
  nowMs: number,
  extent: Window | undefined,
  zone?: TimeZone | undefined,
): Window {
  const fromMs = from === undefined ? extent?.fromMs : parseTime("from", from, nowMs, zone);
  const toMs =
    to === undefined
      ? (extent?.toMs ?? fallbackEnd(from, nowMs))
      : parseTime("to", to, nowMs, zone);
  if (fromMs === undefined || toMs === undefined)
    throw new AssayError(
      "report/window",
      "The ledger holds no slice yet: there is no window to report.",
      {
        hint: "let the daemon run for some windows, or name both ends with --from and --to",
      },
    );
  if (fromMs < toMs) return { fromMs, toMs };
  if (from !== undefined && to === undefined) throw beginsLate(fromMs, nowMs, extent);
  const reach = extent
    ? `the ledger reaches from ${formatInstant(extent.fromMs)} to ${formatInstant(extent.toMs)}`
    : HINT;
  throw new AssayError(
    "report/window",
    `The window is ${fromMs === toMs ? "empty" : "reversed"}: from ${formatInstant(fromMs)} to ${formatInstant(toMs)}.`,
    { hint: reach },
  );
}

/** Where no end was asked for, "reversed" would speak of one that nobody named. */
function beginsLate(fromMs: number, nowMs: number, extent: Window | undefined): AssayError {
  const end = extent
    ? `the ledger's newest slice ends, ${formatInstant(extent.toMs)}`
    : `it is now, ${formatInstant(nowMs)}`;
  return new AssayError(
    "report/window",
    `The window begins at ${formatInstant(fromMs)}, and not before ${end}.`,
    {
      place: "from",
      hint: extent
        ? `begin between ${formatInstant(extent.fromMs)} and then, or name the end too; if there should be newer slices, see that the daemon runs`
        : "begin earlier",
    },
  );
}

function fallbackEnd(from: string | undefined, nowMs: number): number | undefined {
  return from === undefined ? undefined : nowMs;
}

function parseTime(
  which: "from" | "to",
  text: string,
  nowMs: number,
  zone: TimeZone | undefined,
): number {
  const trimmed = text.trim();
  if (trimmed === "now") return nowMs;
  const ageMs = trimmed.startsWith("-") ? parseDuration(trimmed.slice(1)) : undefined;
  const atMs = ageMs === undefined ? inZone(trimmed, zone, which) : nowMs - ageMs;
  if (atMs !== undefined && Math.abs(atMs) <= MAX_TIME_MS) return atMs;
  throw noTime(which, trimmed, HINT);
}

function inZone(
  text: string,
  zone: TimeZone | undefined,
  place: "from" | "to",
): number | undefined {
  const written = readTime(text);
  if (!written || !zone || written.hasZone) return written?.atMs;
  return written.isDay ? startOfDay(written.atMs, zone) : instantOf(written.atMs, zone, place);
}

function noTime(place: string, text: string, hint: string): AssayError {
  return new AssayError("report/window", `"${sanitize(text.trim(), 40)}" is no time.`, {
    place,
    hint,
  });
}

/** The furthest instant a date can name. */
const MAX_TIME_MS = 8.64e15;
