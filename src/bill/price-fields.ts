import { IANAZone } from "luxon";
import { z } from "zod";
import { parseNanos } from "../model/money.ts";
import { nearestName } from "../model/nearest.ts";
import { sanitize } from "../model/text.ts";
import { parseInstant } from "./instant.ts";
import type { LocalHours } from "./price-types.ts";

const shown = (text: string): string => `"${sanitize(text, 40)}"`;

/** A field whose text `read` understands; `problem` is said of one that it does not. */
function read<T>(
  expected: string,
  parse: (text: string) => T | undefined,
  problem: (text: string) => string,
) {
  return z.string(expected).transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue(problem(text));
    return z.NEVER;
  });
}

/** Billionths of a decimal. */
export const amount = read(
  'must be a decimal such as "2.49"',
  parseNanos,
  (text) => `${shown(text)} is no decimal of at most nine places, such as "2.49", and not below 0`,
);

export const instant = read(
  "must be a date such as 2026-01-01",
  parseInstant,
  (text) => `${shown(text)} is no date such as 2026-01-01 or time such as 2026-01-01T12:00:00Z`,
);

/** Marks an issue whose code is price/currency and not price/invalid. */
export const CURRENCY_ISSUE = "currency";

const CODES = Intl.supportedValuesOf("currency");

/** A hint where a code is none; undefined where it is one. */
export function unknownCurrency(code: string): string | undefined {
  if (CODES.includes(code)) return undefined;
  const nearest = nearestName(code, CODES, 1);
  return nearest === undefined
    ? "an ISO 4217 code is wanted, such as USD or EUR"
    : `did you mean ${nearest}? An ISO 4217 code is wanted`;
}

export const currency = z
  .string("must be a currency code such as USD")
  .regex(/^[A-Z]{3}$/, "must be a three-letter ISO 4217 code such as USD")
  .superRefine((code, context) => {
    const hint = /^[A-Z]{3}$/.test(code) ? unknownCurrency(code) : undefined;
    if (hint === undefined) return;
    const message = `there is no currency ${shown(code)}`;
    context.addIssue({ code: "custom", message, params: { kind: CURRENCY_ISSUE, hint } });
  });

export const timeZone = z
  .string("must be a time zone such as Europe/Berlin")
  .refine(
    (name) => IANAZone.isValidZone(name),
    "is no time zone of the IANA list, such as Europe/Berlin or UTC",
  );

const HOURS = /^([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)$/;
const DAY_MINUTES = 24 * 60;

/** `22:00-06:00` in minutes; undefined for what is no such time, or empty. */
function parseHours(text: string): LocalHours | undefined {
  const match = HOURS.exec(text.trim());
  if (!match) return undefined;
  const [h1 = 0, m1 = 0, h2 = 0, m2 = 0] = match.slice(1).map(Number);
  const hours = { fromMinute: h1 * 60 + m1, toMinute: h2 * 60 + m2 };
  const isTime = hours.toMinute <= DAY_MINUTES && hours.fromMinute !== hours.toMinute;
  return isTime ? hours : undefined;
}

export const hours = read(
  'must be hours such as "22:00-06:00"',
  parseHours,
  (text) => `${shown(text)} are no hours such as "22:00-06:00"`,
);

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** `mon-fri, sun` as ISO weekdays; a range may pass Sunday. */
function parseDays(text: string): ReadonlySet<number> | undefined {
  const out = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const [first = -1, last = first, ...more] = part
      .split("-")
      .map((name) => DAYS.indexOf(name.trim()));
    if (first < 0 || last < 0 || more.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      out.add(day + 1);
      if (day === last) break;
    }
  }
  return out;
}

export const days = read(
  'must be days such as "mon-fri"',
  parseDays,
  (text) => `${shown(text)} are no days such as "mon-fri" or "sat,sun"`,
);
