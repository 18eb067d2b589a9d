/**
 * Patterns of the operator, held against strings of the observed user. No regular expressions: these
 * are linear in the string, whatever the pattern and the string are.
 */

/** Of a string no more is looked at. */
const MAX_TEXT = 4096;

/** Whether `*` (any run of characters) and `?` (any one) of a pattern fit the whole text. */
export function matchesGlob(pattern: string, whole: string): boolean {
  const text = whole.slice(0, MAX_TEXT);
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return text.length === head.length && fits(head, text, 0);
  if (text.length < head.length + tail.length || !fits(head, text, 0)) return false;
  const end = text.length - tail.length;
  if (!fits(tail, text, end)) return false;
  // Of the parts between two stars the leftmost place is as good as any.
  let at = head.length;
  for (const part of rest) {
    while (at + part.length <= end && !fits(part, text, at)) at += 1;
    if (at + part.length > end) return false;
    at += part.length;
  }
  return true;
}

function fits(part: string, text: string, at: number): boolean {
  for (let i = 0; i < part.length; i++)
    if (part[i] !== "?" && part[i] !== text[at + i]) return false;
  return true;
}

/** `job-${job}` of a pattern's part between two slashes: what stands before and after the name. */
const CAPTURE = /^([^$*?{}]*)\$\{(\w+)\}([^$*?{}]*)$/;

/** Whether a path pattern can be read: a `${name}` stands alone in its part, and `**` at most once. */
export function isPathPattern(pattern: string): boolean {
  const parts = pattern.split("/");
  const isPart = (part: string): boolean =>
    part === "**" || (part.includes("$") ? CAPTURE.test(part) : !part.includes("**"));
  return parts.every(isPart) && parts.filter((part) => part === "**").length <= 1;
}

/** The names that a path pattern takes out of a path. */
export function captureNames(pattern: string): string[] {
  return pattern.split("/").flatMap((part) => CAPTURE.exec(part)?.[2] ?? []);
}

/**
 * Holds a pattern against a path, part by part: `*` and `?` stay inside a part, `**` is any number
 * of parts, `${name}` takes a part (or what lies between its fixed ends) out.
 * @returns what was taken out; undefined where the pattern does not fit the whole path
 */
export function matchPath(pattern: string, path: string): Map<string, string> | undefined {
  const patterns = pattern.split("/");
  const parts = path.slice(0, MAX_TEXT).split("/");
  const any = patterns.indexOf("**");
  if (any < 0) return patterns.length === parts.length ? matchParts(patterns, parts) : undefined;
  const after = patterns.slice(any + 1);
  if (parts.length < any + after.length) return undefined;
  const front = matchParts(patterns.slice(0, any), parts);
  const back = front && matchParts(after, after.length > 0 ? parts.slice(-after.length) : []);
  return front && back && new Map([...front, ...back]);
}

function matchParts(
  patterns: readonly string[],
  parts: readonly string[],
): Map<string, string> | undefined {
  const taken = new Map<string, string>();
  for (const [at, pattern] of patterns.entries()) {
    const part = parts[at] ?? "";
    const [, before = "", name, after = ""] = CAPTURE.exec(pattern) ?? [];
    if (name === undefined) {
      if (!matchesGlob(pattern, part)) return undefined;
      continue;
    }
    const value = part.slice(before.length, part.length - after.length);
    if (part !== `${before}${value}${after}` || value === "") return undefined;
    taken.set(name, value);
  }
  return taken;
}
