import { distance } from "fastest-levenshtein";

/** A name further away than this is another word, not a typo. */
const MAX_TYPO_DISTANCE = 2;

/** The known name that a misspelt one may mean; undefined where none is near enough to say so. */
export function nearestName(
  given: string,
  known: readonly string[],
  most: number = MAX_TYPO_DISTANCE,
): string | undefined {
  const [best] = known
    .map((name) => ({ name, away: typosBetween(given.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.away - b.away);
  return best && best.away <= most && best.away < given.length / 2 ? best.name : undefined;
}

/** Letters that were added, left out or mistaken; two neighbours in the wrong order are one typo. */
function typosBetween(a: string, b: string): number {
  const at = [...a].findIndex((letter, i) => letter !== b[i]);
  const swapped = `${a.slice(0, at)}${a[at + 1] ?? ""}${a[at] ?? ""}${a.slice(at + 2)}`;
  return at >= 0 && swapped === b ? 1 : distance(a, b);
}
