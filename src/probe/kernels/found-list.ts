/** The list of matches that the Keccak searches write: how many there were, then which. */
import type { BufferSpec } from "../protocol.ts";
import { asWords, POISON } from "./kernel.ts";

/** Room for `capacity` matches; the count starts at 0 and the rest poisoned. */
export function foundBuffer(binding: number, capacity: number): BufferSpec {
  // One place at least: a list without any is no array for the shader.
  const sizeBytes = 4 * (1 + Math.max(1, capacity));
  return { binding, kind: "read-write", sizeBytes, data: new Uint8Array(4), fill: POISON };
}

/** `count` matches in all; of those listed each once, counted from the range's first nonce. */
export function readFound(bytes: Uint8Array): { count: number; indices: number[] } {
  const [count = 0, ...listed] = asWords(bytes);
  const indices = [...new Set(listed.slice(0, count))].sort((a, b) => a - b);
  return { count, indices };
}

/** A 256-bit number as words, the most significant first. */
export function thresholdWords(target: bigint): number[] {
  return Array.from({ length: 8 }, (_, i) =>
    Number((target >> BigInt(32 * (7 - i))) & 0xffff_ffffn),
  );
}
