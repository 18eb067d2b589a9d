/** True where `pattern`, in which `*` stands for any characters, is the whole of `text`. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return text === pattern;
  if (text.length < head.length + tail.length) return false;
  if (!text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** How much a pattern pins down: its literal characters; one without `*` beats every one with. */
export function specificity(pattern: string): number {
  return pattern.includes("*") ? pattern.replaceAll("*", "").length : Infinity;
}
