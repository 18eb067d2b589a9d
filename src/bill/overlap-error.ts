import { AssayError } from "../model/errors.ts";
import { formatInstant } from "./instant.ts";
import type { DatedPrice } from "./price-types.ts";

/** How each kind of two that overlap is mended: only the prices of GPUs have patterns. */
export const MEND = {
  pattern: "give the earlier price a `to`, or make one pattern more specific",
  dates: "give the earlier one a `to`",
  flat: "give the earlier one a `to`, or one of them `hours` or `days`",
  hours: "change the `hours`, `days` or dates of one, so that it ends before the other begins",
} as const;

/** What two overlapping prices are of, and in which list. */
export interface OverlapOf {
  what: string;
  name: string;
  mend: keyof typeof MEND;
}

/** The error for two prices that both hold from the later one's start, or from `atMs` on. */
export function overlap(
  a: DatedPrice,
  b: DatedPrice,
  { what, name, mend }: OverlapOf,
  atMs: number = Math.max(a.fromMs, b.fromMs),
): AssayError {
  const [first, second] = a.line <= b.line ? [a, b] : [b, a];
  const when = Number.isFinite(atMs) ? `on ${formatInstant(atMs)}` : "at one time";
  return new AssayError(
    "price/overlap",
    `Two prices of ${what} hold ${when}: lines ${first.line} and ${second.line}.`,
    { place: `${name}:${second.line}`, hint: MEND[mend] },
  );
}
