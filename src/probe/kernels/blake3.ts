import { blake3 } from "@noble/hashes/blake3.js";
import type { KernelJob } from "../protocol.ts";
import { asBytes, asWords, type Kernel } from "./kernel.ts";
import { nonceWorkload, verifyDigest, verifyNonceHash } from "./nonce-check.ts";
import { bigEndianValue } from "./found-list.ts";
import { hashVariants, messageJob, type NonceHash } from "./nonce-search.ts";

/** As counted in the shader, nonce by nonce of a search. */
const OPERATIONS_PER_HASH = 661;
const BLOCK_BYTES = 64;
/** Longer messages are a tree of chunks, which the shader does not build. */
const CHUNK_BYTES = 1024;

/** What the first round needs, as the shader has it too. */
const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];
/** First and last block of its chunk, and root of the tree. */
const ONLY_BLOCK = 1 | 2 | 8;

/** Of the BLAKE3 project: of the bytes 0, 1, 2, …, 250, 0, … by their number. */
const PUBLISHED = [
  [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
] as const;

/** One block whose last four bytes are the nonce. */
export const BLAKE3: NonceHash = {
  name: "blake3",
  messageBytes: BLOCK_BYTES,
  nonceOffset: BLOCK_BYTES - 4,
  paramWords: (message) => [...firstRound(asWords(message)), ...asWords(message)],
  digest: (message) => blake3(message),
  value: bigEndianValue,
};

/** BLAKE3 over a range of nonces: additions, exclusive ors and rotations, no memory traffic. */
export const blake3Kernel: Kernel = {
  name: BLAKE3.name,
  family: "hash",
  unit: "hash/s",
  purpose: "BLAKE3 of one block with a nonce: few rounds of 32-bit arithmetic in registers",
  shader: "blake3.wgsl",
  cost: { "int32-op": OPERATIONS_PER_HASH },
  lacks: () => undefined,
  variants: hashVariants,

  async verify(device, { code }, random) {
    for (const [length, digest] of PUBLISHED) {
      const message = Uint8Array.from({ length }, (_, i) => i % 251);
      const expected = new Uint8Array(Buffer.from(digest, "hex"));
      await verifyDigest(BLAKE3.name, device, blake3MessageJob(code, message), expected);
    }
    await verifyNonceHash(BLAKE3, device, code, random);
  },

  workload: (context) => nonceWorkload(BLAKE3, context),
};

/**
 * Writes the digest of a message of up to 1,024 bytes.
 * @throws RangeError for a longer one
 */
export function blake3MessageJob(code: string, message: Uint8Array): KernelJob {
  const { length } = message;
  if (length > CHUNK_BYTES) throw new RangeError(`${length} bytes are more than one chunk`);
  const blocks = Math.max(1, Math.ceil(length / BLOCK_BYTES));
  const bytes = new Uint8Array(4 + blocks * BLOCK_BYTES);
  bytes.set(asBytes(Uint32Array.of(length)));
  bytes.set(message, 4);
  return messageJob(BLAKE3, code, bytes);
}

/** The state in round 1 at the point where word 15 of the message comes in. */
function firstRound(m: Uint32Array): Uint32Array {
  const v = Uint32Array.of(...INITIAL, ...INITIAL.slice(0, 4), 0, 0, BLOCK_BYTES, ONLY_BLOCK);
  mixWhole(v, [0, 4, 8, 12], m[0], m[1]);
  mixWhole(v, [1, 5, 9, 13], m[2], m[3]);
  mixWhole(v, [2, 6, 10, 14], m[4], m[5]);
  mixWhole(v, [3, 7, 11, 15], m[6], m[7]);
  mixWhole(v, [0, 5, 10, 15], m[8], m[9]);
  mixWhole(v, [1, 6, 11, 12], m[10], m[11]);
  mixWhole(v, [2, 7, 8, 13], m[12], m[13]);
  mixHalf(v, [3, 4, 9, 14], m[14], 16, 12);
  return v;
}

type Column = readonly [number, number, number, number];

function mixWhole(v: Uint32Array, column: Column, x = 0, y = 0): void {
  mixHalf(v, column, x, 16, 12);
  mixHalf(v, column, y, 8, 7);
}

function mixHalf(
  v: Uint32Array,
  [a, b, c, d]: Column,
  word = 0,
  turnD: number,
  turnB: number,
): void {
  v[a] = (v[a] ?? 0) + (v[b] ?? 0) + word;
  v[d] = rotateRight((v[d] ?? 0) ^ (v[a] ?? 0), turnD);
  v[c] = (v[c] ?? 0) + (v[d] ?? 0);
  v[b] = rotateRight((v[b] ?? 0) ^ (v[c] ?? 0), turnB);
}

function rotateRight(x: number, bits: number): number {
  return (x >>> bits) | (x << (32 - bits));
}
