/** Text for a terminal of `width` columns. */
export interface Page {
  width: number;
  /** False where the terminal or its locale cannot show more than ASCII. */
  unicode: boolean;
}

/** A line broken at words where it is too long; what follows stands below its text. */
export function wrapped(line: string, width: number): string[] {
  const indent = Math.min(hangingIndent(line), Math.floor(width / 2));
  const lines: string[] = [];
  let rest = line.trimEnd();
  while (rest.length > width) {
    const cut = rest.lastIndexOf(" ", width);
    // A word longer than a line is broken anywhere: nothing of it is lost.
    const at = cut > indent ? cut : width;
    lines.push(rest.slice(0, at).trimEnd());
    rest = " ".repeat(indent) + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** Behind a name that stands apart, such as `gaps       3`; else a little further in. */
function hangingIndent(line: string): number {
  const [name = ""] = /^\S+ {2,}|^GPU \d+ {2}/.exec(line) ?? [];
  return name === "" ? line.length - line.trimStart().length + 2 : name.length;
}

/** All that is not ASCII as `\u{…}`. */
export function asciiOnly(text: string): string {
  return text
    .replaceAll("…", "...")
    .replace(/[^\n\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
