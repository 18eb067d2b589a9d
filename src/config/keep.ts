import { z } from "zod";
import { parseDuration } from "../model/duration.ts";

const FOREVER = "forever";
/** Alerts and reports of the running day rest on slices. */
const SHORTEST = "1d";

const age = (fallback: string) =>
  z
    .string()
    .refine((text) => text === FOREVER || isLongEnough(text), {
      error: `must be ${FOREVER}, or a duration of at least ${SHORTEST}, such as 90d`,
    })
    .meta({
      description: `A duration of at least ${SHORTEST}, or ${FOREVER}. Default ${fallback}.`,
    })
    .default(fallback);

function isLongEnough(text: string): boolean {
  const ms = parseDuration(text);
  return ms !== undefined && ms >= (parseDuration(SHORTEST) ?? 0);
}

/** How long the ledger keeps what. Sums of whole hours are kept for good. */
export const keepSchema = z
  .strictObject({
    detail: age("90d"),
    segments: age("400d"),
    outbox: age("30d"),
  })
  .refine(({ detail, segments }) => ageMs(segments) >= ageMs(detail), {
    error: "must not be shorter than detail: segments are made of it",
    path: ["segments"],
  });

/** Milliseconds of an age that the schema has checked; Infinity for one that never comes. */
export function ageMs(text: string): number {
  return text === FOREVER ? Number.POSITIVE_INFINITY : (parseDuration(text) ?? 0);
}
