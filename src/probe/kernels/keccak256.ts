import { bigEndianValue } from "./found-list.ts";
import { keccak_256 } from "@noble/hashes/sha3.js";
import type { AdapterDescription, KernelJob } from "../protocol.ts";
import { asWords, type Kernel } from "./kernel.ts";
import { nonceWorkload, verifyDigest, verifyNonceHash } from "./nonce-check.ts";
import { hashVariants, messageJob, type NonceHash, params } from "./nonce-search.ts";
import type { Variant } from "./variant.ts";

/** As counted in the shader, nonce by nonce of a search. */
const OPERATIONS_PER_HASH = 7167;
const MESSAGE_BYTES = 40;
const RATE_BYTES = 136;
const ROUNDS = 24;

/** Of the original Keccak: the empty message and "abc". */
const PUBLISHED = [
  ["", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"],
  ["abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"],
] as const;

/** A 32-byte prefix and an 8-byte nonce, of which the lower half is searched. */
export const KECCAK256: NonceHash = {
  name: "keccak256",
  messageBytes: MESSAGE_BYTES,
  nonceOffset: 32,
  paramWords(message) {
    const words = asWords(message);
    const constants = roundConstants().flatMap((constant) => [
      Number(constant & 0xffff_ffffn),
      Number(constant >> 32n),
      0,
      0,
    ]);
    return [...words.subarray(0, 8), words[9] ?? 0, 0, 0, 0, ...constants];
  },
  digest: keccak_256,
  value: bigEndianValue,
};

/** Keccak-256 over a range of nonces: logic and rotations of 64-bit lanes, no memory traffic. */
export const keccak256Kernel: Kernel = {
  name: KECCAK256.name,
  family: "hash",
  unit: "hash/s",
  purpose: "Keccak-256 of a message with a nonce: logic on 64-bit lanes in 50 registers",
  shader: "keccak256.wgsl",
  cost: { "int32-op": OPERATIONS_PER_HASH },
  lacks: () => undefined,
  variants,

  async verify(device, { code }, random) {
    for (const [text, digest] of PUBLISHED) {
      const job = keccakMessageJob(code, new TextEncoder().encode(text));
      await verifyDigest(KECCAK256.name, device, job, new Uint8Array(Buffer.from(digest, "hex")));
    }
    await verifyNonceHash(KECCAK256, device, code, random);
  },

  workload: (context) => nonceWorkload(KECCAK256, context),
};

/** Writes the digest of a message of any length. */
export function keccakMessageJob(code: string, message: Uint8Array): KernelJob {
  const range = { message: new Uint8Array(MESSAGE_BYTES), firstNonce: 0, count: 0 };
  const uniform = params(KECCAK256, range, 0n, 0);
  return messageJob(KECCAK256, code, padded(message), [uniform]);
}

/** One or two rounds in a step of the loop, and the best guess first. */
function variants(adapter: AdapterDescription): readonly [Variant, ...Variant[]] {
  const [first, ...others] = hashVariants(adapter);
  return [
    { ...first, STEP: 1 },
    { ...first, STEP: 2 },
    ...others.map((shape) => ({ ...shape, STEP: 2 })),
  ];
}

/** The padding of the original Keccak: a one bit, zeros, a one bit, to whole blocks. */
function padded(message: Uint8Array): Uint8Array {
  const blocks = Math.floor(message.length / RATE_BYTES) + 1;
  const bytes = new Uint8Array(blocks * RATE_BYTES);
  bytes.set(message);
  bytes[message.length] = 0x01;
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
  return bytes;
}

/** The constants of the 24 rounds (FIPS 202, 3.2.5), from the register that defines them. */
function roundConstants(): bigint[] {
  let register = 1;
  const nextBit = (): boolean => {
    const bit = (register & 1) === 1;
    register <<= 1;
    if (register & 0x100) register ^= 0x171;
    return bit;
  };
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let j = 0n; j <= 6n; j++) {
      if (nextBit()) constant |= 1n << ((1n << j) - 1n);
    }
    return constant;
  });
}
