/*
 * What an erasure writes in a name's place: `erased-7` of the act 7, and `erased-7-2` where somebody
 * is called that already.
 */
const TAG = /(?<![\p{L}\p{N}_.-])erased-\d+(-\d+)?(?![\p{L}\p{N}_.-])/u;

export function erasedTag(actSequence: number): string {
  return `erased-${actSequence}`;
}

/** Whether a key has a name in it as an erasure leaves it. */
export function hasErasedTag(key: string): boolean {
  return TAG.test(key);
}

/** Whether `key` is `other` with such a tag in place of some name. */
export function isErasedFrom(key: string, other: string): boolean {
  const found = TAG.exec(key);
  if (!found) return false;
  const before = key.slice(0, found.index);
  const after = key.slice(found.index + found[0].length);
  const isLonger = other.length > before.length + after.length;
  return isLonger && other.startsWith(before) && other.endsWith(after);
}
