import { createHash } from "node:crypto";

const DIGEST_DIGITS = 16;

/**
 * The text with at most `maxLength` characters, and no half of a surrogate pair, which UTF-8 cannot
 * hold. A longer one keeps its beginning and gets a digest of the whole: two owners whose names
 * differ only at the end stay two.
 */
export function bounded(text: string, maxLength: number): string {
  if (text.length <= maxLength) return wellFormed(text);
  const digest = createHash("sha256").update(text).digest("hex").slice(0, DIGEST_DIGITS);
  return `${wellFormed(text.slice(0, maxLength - DIGEST_DIGITS - 1))}…${digest}`;
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\u{fffd}");
}
