/** What tells one piece of work from the next on a device, without judging what it is. */
export interface WorkState {
  /** Identities of the processes that hold the device; absent where nothing looked. */
  holders?: ReadonlySet<string> | undefined;
  /** Memory held, as a share of the device's. */
  memUsedShare?: number | undefined;
}

/** Caches and batches move a little memory; a program that begins or ends moves more. */
const SAME_MEMORY = 0.02;

/**
 * Whether two neighbouring windows hold the same work, as far as can be told: the same processes,
 * and about as much memory. Only then may one speak for the other. A search that begins on a device
 * must not wait for an alarm until what ran before it is forgotten.
 */
export function sameWork(one: WorkState, other: WorkState): boolean {
  if (one.holders && other.holders && !isEqual(one.holders, other.holders)) return false;
  const [a, b] = [one.memUsedShare, other.memUsedShare];
  return a === undefined || b === undefined || Math.abs(a - b) <= SAME_MEMORY;
}

function isEqual(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((each) => other.has(each));
}
