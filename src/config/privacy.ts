import { z } from "zod";
import { parseDuration } from "../model/duration.ts";

const FOREVER = "forever";
const DAY_MS = 86_400_000;

/** Under a day what is still in use would be taken away. */
const age = (fallback: string) =>
  z
    .string()
    .refine((text) => text === FOREVER || (parseDuration(text) ?? 0) >= DAY_MS, {
      error: "must be forever, or a duration of a day or more, such as 90d",
    })
    .default(fallback);

export const privacySchema = z.strictObject({
  users: z.enum(["plain", "pseudonym"]).default("plain"),
  /** Accounts of the system that keep their names where others get pseudonyms. */
  plainUsers: z.array(z.string().min(1)).default(["root", "nobody"]),
  commands: z.enum(["full", "program", "none"]).default("full"),
  keepCommands: age("90d"),
  keepNames: age(FOREVER),
  keepContexts: age(FOREVER),
});

export type PrivacyConfig = z.infer<typeof privacySchema>;

/** Milliseconds of an age that the schema has checked; undefined for `forever`. */
export function ageMs(text: string): number | undefined {
  return text === FOREVER ? undefined : parseDuration(text);
}
