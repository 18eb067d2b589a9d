import { sanitize } from "../../model/text.ts";
import type { Explanation } from "./schema.ts";

/** Longest text in it: all are bounded one by one before, and far shorter. */
const MAX_TEXT = 4096;

/** One JSON object on several lines; what is not known is left out. */
export function explanationJson(explanation: Explanation): string {
  return `${JSON.stringify(explanation, (_key, value: unknown) => (typeof value === "string" ? sanitize(value, MAX_TEXT) : value), 2)}\n`;
}
