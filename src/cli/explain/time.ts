import { formatInstant, parseInstant } from "../../bill/instant.ts";
import { parseDuration } from "../../model/duration.ts";
import { AssayError } from "../../model/errors.ts";
import { sanitize } from "../../model/text.ts";

/** A moment, or a distance from where a recording begins or from now. */
export type GivenTime =
  | { kind: "instant"; atMs: number }
  | { kind: "from-start"; afterMs: number }
  | { kind: "ago"; beforeMs: number };

/** The furthest instant a date can name. */
const MAX_TIME_MS = 8.64e15;
/** Unix seconds above it are milliseconds by mistake: the year 5138. */
const MOST_SECONDS = 1e11;

/**
 * The time of `--at`: RFC 3339, Unix seconds, `+90s` from a recording's start, `-10m` or `now`.
 * @throws AssayError explain/time
 */
export function parseGivenTime(text: string | undefined): GivenTime {
  if (text === undefined) throw unreadable("which moment is to be explained?");
  const trimmed = text.trim();
  if (trimmed === "now") return { kind: "ago", beforeMs: 0 };
  const [sign, rest] = [trimmed.charAt(0), trimmed.slice(1)];
  const distance = sign === "+" || sign === "-" ? parseDuration(rest) : undefined;
  if (distance !== undefined && distance <= MAX_TIME_MS)
    return sign === "+"
      ? { kind: "from-start", afterMs: distance }
      : { kind: "ago", beforeMs: distance };
  const atMs = /^\d{1,12}(\.\d{1,9})?$/.test(trimmed)
    ? unixMs(Number(trimmed))
    : // Finer than a millisecond is cut: the tables of windows know no finer.
      parseInstant(trimmed.replace(/(\.\d{3})\d+/, "$1"));
  if (atMs !== undefined && Math.abs(atMs) <= MAX_TIME_MS) return { kind: "instant", atMs };
  throw unreadable(`"${sanitize(trimmed, 40)}" is no time`);
}

function unixMs(seconds: number): number | undefined {
  return seconds > MOST_SECONDS ? undefined : Math.floor(seconds * 1000);
}

function unreadable(message: string): AssayError {
  return new AssayError("explain/time", message, {
    place: "--at",
    hint: "such as 2026-01-05T09:09:00Z, Unix seconds (1767604140), or of a recording +540s from its start, of a ledger -10m",
  });
}

/** The nearest windows to each side of a time that has none. */
export interface Nearest {
  before?: { fromMs: number; toMs: number } | undefined;
  after?: { fromMs: number; toMs: number } | undefined;
}

/** @param why what is known of the time in between */
export function noWindow(
  atMs: number,
  place: string,
  { before, after }: Nearest,
  why?: string,
): AssayError {
  const near = [
    ...(before ? [`the nearest window before is ${spanText(before)}`] : []),
    ...(after ? [`the nearest after is ${spanText(after)}`] : []),
  ];
  const outside =
    before && after
      ? "it lies in a gap"
      : before
        ? "it lies behind the end"
        : "it lies before the beginning";
  const told = near.length === 0 ? "nothing at all was labelled" : outside;
  return new AssayError(
    "explain/no-window",
    `There is no window at ${formatInstant(atMs)}: ${told}${why === undefined ? "" : ` (${why})`}.`,
    {
      place,
      hint: near.length === 0 ? "is there any sample of this device in it?" : near.join("; "),
    },
  );
}

function spanText({ fromMs, toMs }: { fromMs: number; toMs: number }): string {
  return `${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
}
