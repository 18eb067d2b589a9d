/** Longest string of an observed process that is kept or shown. */
export const MAX_HOSTILE_LENGTH = 256;

/**
 * Makes a string that came from an observed process safe for a terminal, a log line or a message:
 * bounded, and with control, bidirectional and other invisible characters written as `\u{…}`.
 */
export function sanitize(text: string, maxLength: number = MAX_HOSTILE_LENGTH): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
