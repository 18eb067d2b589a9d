import type { AdapterDescription, BufferSpec, KernelJob } from "../protocol.ts";
import { foundBuffer, thresholdWords } from "./found-list.ts";
import { gridOf, POISON, uniformBlock } from "./kernel.ts";
import type { Variant } from "./variant.ts";

/** What every hash kernel has in common: a range of nonces in, a list of the good ones out. */

export const FOUND = 1;
export const DIGESTS = 2;
export const MESSAGE = 3;
const PARAMS = 0;
const DIGEST_BYTES = 32;
/** The shared words of the uniform block; what one hash adds follows them. */
const SHARED_WORDS = 12;
/** More nonces than this, rounded up to whole rows of a grid, would wrap around in 32 bits. */
const MAX_NONCES = 2 ** 31;

/** A hash of a message of fixed length with a 32-bit little-endian nonce somewhere in it. */
export interface NonceHash {
  readonly name: string;
  readonly messageBytes: number;
  readonly nonceOffset: number;
  /** What the shader's uniform block holds behind the shared words: parts known before the nonce. */
  paramWords(message: Uint8Array): ArrayLike<number>;
  /** The CPU's digest of a message. */
  digest(message: Uint8Array): Uint8Array;
  /** A digest as the number that is compared with the target. */
  value(digest: Uint8Array): bigint;
}

export interface NonceRange {
  /** The nonce in it does not matter. */
  message: Uint8Array;
  firstNonce: number;
  /** Nonces from the first on, modulo 2^32; 2^31 at most. */
  count: number;
}

/** The same message with another nonce. */
export function withNonce(
  { nonceOffset }: Pick<NonceHash, "nonceOffset">,
  message: Uint8Array,
  nonce: number,
): Uint8Array {
  // Not `slice`: of a Buffer that is a view, and would write into the original.
  const copy = new Uint8Array(message);
  new DataView(copy.buffer).setUint32(nonceOffset, nonce, true);
  return copy;
}

/** Lists the nonces of the range whose hash is not above `target`, up to `capacity` of them. */
export function searchJob(
  hash: NonceHash,
  code: string,
  range: NonceRange,
  target: bigint,
  capacity: number,
): KernelJob {
  return {
    label: `${hash.name} search`,
    code,
    entryPoint: "search",
    workgroups: grid(code, range.count),
    buffers: [params(hash, range, target, capacity), foundBuffer(FOUND, capacity)],
  };
}

/** Writes the digest of every nonce of the range, which has one at least. */
export function digestJob(hash: NonceHash, code: string, range: NonceRange): KernelJob {
  return {
    label: `${hash.name} digest`,
    code,
    entryPoint: "digest",
    workgroups: grid(code, range.count),
    buffers: [params(hash, range, 0n, 0), digestBuffer(range.count)],
  };
}

/** Writes one digest, of a whole message; `other` is what else the shader's entry point needs. */
export function messageJob(
  hash: NonceHash,
  code: string,
  message: Uint8Array,
  other: readonly BufferSpec[] = [],
): KernelJob {
  return {
    label: `${hash.name} of ${message.byteLength} bytes`,
    code,
    entryPoint: "message_digest",
    workgroups: [1, 1, 1],
    buffers: [
      ...other,
      digestBuffer(1),
      { binding: MESSAGE, kind: "read", sizeBytes: message.byteLength, data: message },
    ],
  };
}

export function readDigests(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / DIGEST_BYTES }, (_, i) =>
    new Uint8Array(bytes).subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
  );
}

/** Shapes of a hash kernel: with no shared memory there is little else to choose. */
const SHAPES: readonly [Variant, ...Variant[]] = [
  { WORKGROUP: 256, HASHES: 1 },
  { WORKGROUP: 128, HASHES: 1 },
  { WORKGROUP: 64, HASHES: 1 },
  { WORKGROUP: 256, HASHES: 4 },
  { WORKGROUP: 64, HASHES: 4 },
];
/** A CPU that plays GPU takes seconds to compile a hash, and shapes hardly matter to it. */
const SOFTWARE_SHAPES: readonly [Variant, ...Variant[]] = [
  { WORKGROUP: 256, HASHES: 1 },
  { WORKGROUP: 64, HASHES: 4 },
];

export function hashVariants({ software }: AdapterDescription): readonly [Variant, ...Variant[]] {
  return software ? SOFTWARE_SHAPES : SHAPES;
}

function digestBuffer(count: number): BufferSpec {
  const sizeBytes = DIGEST_BYTES * count;
  return { binding: DIGESTS, kind: "read-write", sizeBytes, fill: POISON };
}

function grid(code: string, count: number): KernelJob["workgroups"] {
  if (count > MAX_NONCES) throw new RangeError(`${count} nonces are more than ${MAX_NONCES}`);
  return gridOf(Math.ceil(count / (constantOf(code, "WORKGROUP") * constantOf(code, "HASHES"))));
}

/** The shader's own value, so that the grid always fits the code that runs. */
function constantOf(code: string, name: string): number {
  const value = Number(new RegExp(`^const ${name} = (\\d+)u;`, "m").exec(code)?.[1]);
  if (!(value >= 1)) throw new RangeError(`the shader declares no ${name}`);
  return value;
}

/** The uniform block of the shaders, word for word. */
export function params(
  hash: NonceHash,
  range: NonceRange,
  target: bigint,
  capacity: number,
): BufferSpec {
  const own = hash.paramWords(range.message);
  const words = new Uint32Array(SHARED_WORDS + 4 * Math.ceil(own.length / 4));
  words.set(thresholdWords(target), 0);
  words.set([range.firstNonce, range.count, capacity], 8);
  words.set(own, SHARED_WORDS);
  return uniformBlock(PARAMS, words);
}
