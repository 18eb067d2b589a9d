import { DateTime, IANAZone } from "luxon";
import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import { formatInstant } from "./instant.ts";

/** A time zone by its name in the IANA list, such as `Europe/Berlin`. */
export type TimeZone = IANAZone;

/** @throws AssayError report/window for a name that is in no list */
export function parseTimeZone(name: string): TimeZone {
  const zone = IANAZone.create(name.trim());
  if (zone.isValid) return zone;
  throw new AssayError("report/window", `"${sanitize(name, 40)}" is no time zone.`, {
    place: "timeZone",
    hint: "name one of the IANA list, such as Europe/Berlin or UTC",
  });
}

/** What a clock and a calendar on the wall show, as Unix milliseconds of the same reading in UTC. */
type WallMs = number;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * The instant of a clock's reading in a zone.
 * @param place where the reading was given, for errors
 * @throws AssayError report/window where the clocks skip it or show it twice
 */
export function instantOf(wallMs: WallMs, zone: TimeZone, place?: string): number {
  const [first, second] = instantsOf(wallMs, zone);
  const shown = formatInstant(wallMs).slice(0, -1);
  if (first === undefined)
    throw new AssayError("report/window", `There is no ${shown} in ${zone.name}: clocks skip it.`, {
      place,
      hint: "name a time before or after the change, or give the time with its offset or in UTC (…Z)",
    });
  if (second === undefined) return first;
  throw new AssayError("report/window", `There are two ${shown} in ${zone.name}.`, {
    place,
    hint: `say which: ${formatInstant(first)} or ${formatInstant(second)}`,
  });
}

/** The first instant of a day, also where the clocks skip midnight or show it twice. */
export function startOfDay(wallMs: WallMs, zone: TimeZone): number {
  const [first] = instantsOf(wallMs, zone);
  if (first !== undefined) return first;
  const { year, month, day } = DateTime.fromMillis(wallMs, { zone: "utc" });
  return DateTime.fromObject({ year, month, day }, { zone }).startOf("day").toMillis();
}

/** Earliest first: none, one or two. No zone has changed its clocks twice in two days. */
function instantsOf(wallMs: WallMs, zone: TimeZone): number[] {
  const offsets = [wallMs - DAY_MS, wallMs + DAY_MS].map((atMs) => zone.offset(atMs));
  const instants = [...new Set(offsets)]
    .map((minutes) => ({ minutes, atMs: wallMs - minutes * MINUTE_MS }))
    .filter(({ minutes, atMs }) => zone.offset(atMs) === minutes)
    .map(({ atMs }) => atMs);
  return instants.sort((a, b) => a - b);
}
