/** As many as are read and mapped in a few milliseconds. */
const PORTION = 100;

/** Lets everything else that waits go first. */
const breath = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Reads all there is, with a breath now and then: a large body must not hold up the ticks. */
export async function inPortions<T>(all: Iterable<T>): Promise<T[]> {
  const read: T[] = [];
  for (const each of all) {
    read.push(each);
    if (read.length % PORTION === 0) await breath();
  }
  return read;
}

/** A list in parts, with a breath after each. */
export async function* portionsOf<T>(all: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let from = 0; from < all.length; from += PORTION) {
    yield all.slice(from, from + PORTION);
    await breath();
  }
}
