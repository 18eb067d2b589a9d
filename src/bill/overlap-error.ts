import { AssayError } from "../model/errors.ts";
import { formatInstant } from "./instant.ts";
import type { DatedPrice } from "./price-types.ts";

/** The error for two prices that both hold from the later one's start. */
export function overlap(a: DatedPrice, b: DatedPrice, what: string, name: string): AssayError {
  const [first, second] = a.line <= b.line ? [a, b] : [b, a];
  const fromMs = Math.max(a.fromMs, b.fromMs);
  const when = Number.isFinite(fromMs) ? `on ${formatInstant(fromMs)}` : "at one time";
  return new AssayError(
    "price/overlap",
    `Two prices of ${what} hold ${when}: lines ${first.line} and ${second.line}.`,
    {
      place: `${name}:${second.line}`,
      hint: "give the earlier price a `to`, or make one pattern more specific",
    },
  );
}
