const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?)?$/;

/** A date or time as it was written, in milliseconds as if in UTC, and what it leaves open. */
export interface WrittenTime {
  atMs: number;
  /** A date alone. */
  isDay: boolean;
  /** It names an offset or UTC: `atMs` is the instant. */
  hasZone: boolean;
}

/** Reads an ISO 8601 date or time; undefined for what is none, a day the month does not have included. */
export function readTime(text: string): WrittenTime | undefined {
  const match = ISO.exec(text.trim());
  if (!match) return undefined;
  const field = (i: number): number => Number(match[i] ?? "0");
  const [year, month, day] = [field(1), field(2), field(3)];
  const [hour, minute, second] = [field(4), field(5), field(6)];
  if (hour > 23 || minute > 59 || second > 59 || field(10) > 23 || field(11) > 59) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return undefined;
  const millis = Number((match[7] ?? "").padEnd(3, "0"));
  const offsetMinutes = (match[9] === "-" ? -1 : 1) * (field(10) * 60 + field(11));
  const minutes = hour * 60 + minute - offsetMinutes;
  return {
    atMs: midnight.getTime() + minutes * 60_000 + second * 1000 + millis,
    isDay: match[4] === undefined,
    hasZone: match[8] !== undefined || match[9] !== undefined,
  };
}

/**
 * Unix milliseconds of an ISO 8601 date or time; what names no zone is UTC.
 * Undefined for what is no such time, a day the month does not have included.
 */
export function parseInstant(text: string): number | undefined {
  return readTime(text)?.atMs;
}

/** ISO 8601 in UTC, without the milliseconds where there are none: `2026-01-01T00:00:00Z`. */
export function formatInstant(atMs: number): string {
  return new Date(atMs).toISOString().replace(".000Z", "Z");
}
