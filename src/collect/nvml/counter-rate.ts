/** A counter as it was read once. */
export interface CounterPoint {
  count: bigint;
  /** True where the driver counts in 32 bits. */
  narrow: boolean;
  /** When the driver read it (Unix microseconds); undefined where it does not say. */
  timestampUs: number | undefined;
  /** When we asked, monotonic. */
  nowMs: number;
}

export interface CounterKind {
  bytesPerCount: number;
  /** More than the link can carry one way: a greater rate is garbage. */
  maxBytesPerSec: number;
  /** Whether a counter given as 64 bits may still wrap at 32, as long as none has passed them. */
  mayWrapAt32: boolean;
}

export interface CounterStep {
  /** Undefined where the two points do not tell. */
  bytesPerSec: number | undefined;
  /** What the next point is to be compared with. */
  base: CounterPoint;
}

const TWO_TO_32 = 2n ** 32n;

/**
 * The rate between two readings of a cumulative counter; never negative, never more than the link can
 * carry.
 * @param maxSpanMs over a longer time the mean no longer speaks of now
 */
export function counterStep(
  before: CounterPoint | undefined,
  now: CounterPoint,
  kind: CounterKind,
  maxSpanMs: number,
): CounterStep {
  const spanMs = before ? now.nowMs - before.nowMs : 0;
  if (!before || spanMs <= 0 || spanMs > maxSpanMs) return { bytesPerSec: undefined, base: now };
  if (isSameReading(before, now)) return { bytesPerSec: undefined, base: before };
  const seconds = secondsBetween(before, now);
  const counts = difference(before, now, kind, Math.max(seconds, spanMs / 1000));
  const rate = counts === undefined ? undefined : (Number(counts) * kind.bytesPerCount) / seconds;
  const isPossible = rate !== undefined && rate <= kind.maxBytesPerSec;
  return { bytesPerSec: isPossible ? rate : undefined, base: now };
}

/** The driver handed out an older reading again: it says nothing of the time since. */
function isSameReading(before: CounterPoint, now: CounterPoint): boolean {
  return (
    now.timestampUs !== undefined &&
    now.timestampUs === before.timestampUs &&
    now.count === before.count
  );
}

/**
 * By the driver's own times where they can be true: they leave out how long we waited for other
 * devices. They are wall-clock times, so a step of that clock shows in them; ours never steps.
 */
function secondsBetween(before: CounterPoint, now: CounterPoint): number {
  const ours = (now.nowMs - before.nowMs) / 1000;
  if (before.timestampUs === undefined || now.timestampUs === undefined) return ours;
  const theirs = (now.timestampUs - before.timestampUs) / 1e6;
  return theirs >= ours / 2 && theirs <= ours * 2 ? theirs : ours;
}

function difference(
  before: CounterPoint,
  now: CounterPoint,
  kind: CounterKind,
  seconds: number,
): bigint | undefined {
  const hasPassed32 = before.count >= TWO_TO_32 || now.count >= TWO_TO_32;
  const isNarrow = before.narrow && now.narrow;
  const mayWrap = isNarrow || (kind.mayWrapAt32 && !hasPassed32);
  const possible = (kind.maxBytesPerSec * seconds) / kind.bytesPerCount;
  // Within the time it could have gone all the way round, and nobody would know.
  if (mayWrap && possible >= Number(TWO_TO_32)) return undefined;
  if (isNarrow) return BigInt.asUintN(32, now.count - before.count);
  // A wide counter that goes back was reset.
  return now.count >= before.count ? now.count - before.count : undefined;
}
