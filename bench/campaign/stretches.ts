/** A stretch of time in Unix milliseconds. */
export interface Stretch {
  fromMs: number;
  toMs: number;
}

/** Shorter truths say nothing: a signal of the driver may be a second old. */
export const MIN_TRUTH_MS = 2000;

/** As the recording format has it: two samples further apart than this have a hole between them. */
const holeMs = (intervalMs: number): number => Math.max(2000, 3 * intervalMs);

/**
 * The parts of a span that were measured without a hole, and that are long enough to say something.
 * A sample speaks for the time before it, so nothing before the first one is known.
 * @param samplesMs when the device was read, ascending
 */
export function measuredStretches(
  span: Stretch,
  samplesMs: readonly number[],
  intervalMs: number,
): Stretch[] {
  const chains: Stretch[] = [];
  for (const atMs of samplesMs) {
    const last = chains.at(-1);
    if (last && atMs - last.toMs <= holeMs(intervalMs)) last.toMs = atMs;
    else chains.push({ fromMs: atMs, toMs: atMs });
  }
  return chains
    .map((chain) => ({
      fromMs: Math.max(span.fromMs, chain.fromMs),
      toMs: Math.min(span.toMs, chain.toMs),
    }))
    .filter(({ fromMs, toMs }) => toMs - fromMs >= MIN_TRUTH_MS);
}
