/** The list of matches that every search writes: how many there were, then which. */
import type { BufferSpec } from "../protocol.ts";
import { asWords, POISON, wrongResult } from "./kernel.ts";

/** Room for `capacity` matches; the count starts at 0 and the rest poisoned. */
export function foundBuffer(binding: number, capacity: number): BufferSpec {
  // One place at least: a list without any is no array for the shader.
  const sizeBytes = 4 * (1 + Math.max(1, capacity));
  return { binding, kind: "read-write", sizeBytes, data: new Uint8Array(4), fill: POISON };
}

/**
 * What a search left: `count` matches in all, of which as many are `listed` as there was room, each
 * once, since the same range may have been searched again and again.
 */
export function readFound(bytes: Uint8Array): { count: number; listed: number[] } {
  const [count = 0, ...words] = asWords(bytes);
  const listed = [...new Set(words.slice(0, count))].sort((a, b) => a - b);
  return { count, listed };
}

/**
 * A target for a search whose hashes are known: the one of that rank, so that one match is exactly
 * at the boundary. `matches` are the indices of those that are not above it.
 */
export function boundaryOf(
  values: readonly bigint[],
  rank: number,
): { target: bigint; matches: number[] } {
  const target = values.toSorted((a, b) => (a < b ? -1 : 1))[rank] ?? 0n;
  return { target, matches: values.flatMap((value, i) => (value <= target ? [i] : [])) };
}

/** @throws `probe/wrong-result` where a search listed others than `matches`, in rising order */
export function requireListed(kernel: string, bytes: Uint8Array, matches: readonly number[]): void {
  const { count, listed } = readFound(bytes);
  if (count !== matches.length || !matches.every((match, i) => match === listed[i]))
    throw wrongResult(kernel, `${count} nonces were listed where ${matches.length} match`);
}

/** A target of 256 bits as words, the most significant first. */
export function thresholdWords(target: bigint): number[] {
  return Array.from({ length: 8 }, (_, i) =>
    Number((target >> BigInt(32 * (7 - i))) & 0xffff_ffffn),
  );
}

/** A digest as a number whose first byte weighs most. */
export function bigEndianValue(digest: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(digest).toString("hex")}`);
}
