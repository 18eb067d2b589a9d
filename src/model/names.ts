/** Other words for names, in whatever text they stand. */
export type Rename = (text: string) => string;

const WORD_BEFORE = String.raw`(?<![\p{L}\p{N}])`;
const WORD_AFTER = String.raw`(?![\p{L}\p{N}])`;

/**
 * Replaces names where they stand as words: with no letter or digit beside them, so that `alice` goes
 * from `/home/alice/run.py` and stays in `malice`. Where one name is part of another (`alice` of
 * `alice-dev`), the longer one counts: those of `kept` stay as they are.
 * @param names what to write for each
 */
export function renamer(names: ReadonlyMap<string, string>, kept: Iterable<string> = []): Rename {
  const words = new Map([...kept].map((word) => [word, word]));
  for (const [name, other] of names) if (name !== "") words.set(name, other);
  if (words.size === 0) return (text) => text;
  const longestFirst = [...words.keys()].sort((a, b) => b.length - a.length);
  const pattern = longestFirst
    .map((word) => word.replaceAll(/[$()*+./?[\\\]^{|}]/g, String.raw`\$&`))
    .join("|");
  const found = new RegExp(`${WORD_BEFORE}(?:${pattern})${WORD_AFTER}`, "gu");
  return (text) => text.replace(found, (word) => words.get(word) ?? word);
}

/** Whether a name stands in a text as a word of its own. */
export function mentions(text: string, name: string): boolean {
  return text.includes(name) && renamer(new Map([[name, ""]]))(text) !== text;
}
