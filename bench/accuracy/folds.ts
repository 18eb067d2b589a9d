/** What is left out together, what is judged with it gone, and what may be learnt from. */
export interface Fold<T> {
  leftOut: string;
  test: readonly T[];
  train: readonly T[];
}

/**
 * One fold for every key. An item that has the key at all is learnt from in no part: the rest of a
 * recording is too near to what is judged. In the order of the keys.
 */
export function foldsBy<T>(
  items: readonly T[],
  keysOf: (item: T) => ReadonlySet<string>,
): Fold<T>[] {
  const keys = new Set(items.flatMap((item) => [...keysOf(item)]));
  return [...keys].sort().map((leftOut) => ({
    leftOut,
    test: items.filter((item) => keysOf(item).has(leftOut)),
    train: items.filter((item) => !keysOf(item).has(leftOut)),
  }));
}
