/** A share of one device's window, under a key that orders ties. */
export interface CutShare {
  key: string;
  timeMs: number;
}

/**
 * How much of each share of one window lies in its first `elapsedMs`.
 *
 * The milliseconds of a share are thought to lie evenly over the window: number j of n is at
 * (2j - 1) / 2n of it, and the first `elapsedMs` of all of them come before the cut (Webster's
 * method). So the parts sum to `elapsedMs` exactly, each part only grows with it, and other cuts
 * of the same window change nothing: bills of neighbouring windows add up owner by owner. Largest
 * remainders, taken cut by cut, do not do that.
 * @param shares whole milliseconds that sum to `windowMs`
 */
export function timeBefore(
  shares: readonly CutShare[],
  windowMs: number,
  elapsedMs: number,
): number[] {
  const whole = BigInt(windowMs);
  const twice = 2n * BigInt(elapsedMs);
  const rows = shares.map(({ key, timeMs }, i) => {
    const weight = BigInt(timeMs);
    return { i, key, weight, part: (weight * twice + whole) / (2n * whole) };
  });
  const ordered = [...rows].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i));
  let left = BigInt(elapsedMs) - rows.reduce((acc, row) => acc + row.part, 0n);
  for (; left > 0n; left--) firstNotTaken(ordered).part += 1n;
  for (; left < 0n; left++) lastTaken(ordered).part -= 1n;
  return rows.map((row) => Number(row.part));
}

interface Row {
  weight: bigint;
  part: bigint;
}

/** The share whose next millisecond comes first. */
function firstNotTaken<R extends Row>(ordered: readonly R[]): R {
  const open = ordered.filter((row) => row.part < row.weight);
  return open.reduce((best, row) => (compareSeats(row, best, 1n) < 0n ? row : best));
}

/** The share whose last millisecond taken comes last. */
function lastTaken<R extends Row>(ordered: readonly R[]): R {
  const taken = ordered.filter((row) => row.part > 0n);
  return taken.reduce((best, row) => (compareSeats(row, best, 0n) >= 0n ? row : best));
}

/** Which millisecond lies earlier: number `part + step` of each of two shares. */
function compareSeats(a: Row, b: Row, step: bigint): bigint {
  const left = (2n * (a.part + step) - 1n) * b.weight;
  const right = (2n * (b.part + step) - 1n) * a.weight;
  return left - right;
}
