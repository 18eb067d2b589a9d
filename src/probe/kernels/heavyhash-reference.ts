/**
 * A heavy hash in the style of kHeavyHash on the CPU, from its public description: cSHAKE256 by
 * `@noble/hashes`, the matrix product element by element.
 */
import { cshake256 } from "@noble/hashes/sha3-addons.js";

export const SIDE = 64;
export const FIRST_NAME = "ProofOfWorkHash";
export const SECOND_NAME = "HeavyHash";
const DIGEST_BYTES = 32;
/** Below 2^26, so that a product of two residues is an exact number. */
const PRIME = 67_108_859;

/** 64 rows of 64 elements from 0 to 15. */
export type Matrix = readonly (readonly number[])[];

/** What is hashed besides the nonce. */
export interface HeavyHeader {
  /** The hash of a block's header without time and nonce, 32 bytes. */
  hash: Uint8Array;
  time: bigint;
}

/** The 80 bytes that the first sponge takes. */
export function messageOf({ hash, time }: HeavyHeader, nonce: bigint): Uint8Array {
  const message = new Uint8Array(80);
  message.set(hash);
  const view = new DataView(message.buffer);
  view.setBigUint64(32, time, true);
  view.setBigUint64(72, nonce, true);
  return message;
}

/** The hash of a header and a nonce: 32 bytes. */
export function heavyHash(matrix: Matrix, header: HeavyHeader, nonce: bigint): Uint8Array {
  return heavyStep(matrix, cshake(FIRST_NAME, messageOf(header, nonce)));
}

/** All that comes after the first sponge: the product, and the second sponge. */
export function heavyStep(matrix: Matrix, hash: Uint8Array): Uint8Array {
  const nibbles = [...hash].flatMap((byte) => [byte >> 4, byte & 15]);
  const product = matrix.map((row) => {
    const sum = row.reduce((total, element, i) => total + element * (nibbles[i] ?? 0), 0);
    return sum >> 10;
  });
  const mixed = hash.map(
    (byte, i) => byte ^ (((product[2 * i] ?? 0) << 4) | (product[2 * i + 1] ?? 0)),
  );
  return cshake(SECOND_NAME, mixed);
}

function cshake(name: string, message: Uint8Array): Uint8Array {
  return cshake256(message, { personalization: Buffer.from(name), dkLen: DIGEST_BYTES });
}

/** The first matrix of full rank that xoshiro256++ gives from 32 bytes, 16 elements a number. */
export function matrixOf(seed: Uint8Array): Matrix {
  const next = xoshiro256(seed);
  while (true) {
    const matrix = Array.from({ length: SIDE }, () =>
      Array.from({ length: SIDE / 16 }, next).flatMap((value) =>
        Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(4 * i)) & 15n)),
      ),
    );
    if (rankOf(matrix) === SIDE) return matrix;
  }
}

/** Blackman and Vigna's xoshiro256++ 1.0. */
function xoshiro256(seed: Uint8Array): () => bigint {
  const view = new DataView(seed.buffer, seed.byteOffset);
  let [s0 = 0n, s1 = 0n, s2 = 0n, s3 = 0n] = [0, 8, 16, 24].map((at) =>
    view.getBigUint64(at, true),
  );
  return () => {
    const value = BigInt.asUintN(64, rotateLeft(BigInt.asUintN(64, s0 + s3), 23n) + s0);
    const shifted = BigInt.asUintN(64, s1 << 17n);
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = rotateLeft(s3, 45n);
    return value;
  };
}

function rotateLeft(value: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, (value << bits) | (value >> (64n - bits)));
}

/**
 * Modulo a prime, in whole numbers. Full rank there is full rank; a matrix of full rank falls short
 * there once in about 2^26, and then the next one is taken where the original would stay.
 */
export function rankOf(matrix: Matrix): number {
  const rows = matrix.map((row) => [...row]);
  let rank = 0;
  for (let column = 0; column < SIDE; column++) {
    const at = rows.findIndex((row, i) => i >= rank && row[column] !== 0);
    const pivot = rows[at];
    if (!pivot) continue;
    rows.splice(at, 1);
    rows.splice(rank, 0, pivot);
    const scale = inverse(pivot[column] ?? 0);
    for (const row of rows.slice(rank + 1)) {
      const factor = ((row[column] ?? 0) * scale) % PRIME;
      if (factor !== 0) subtract(row, pivot, factor);
    }
    rank++;
  }
  return rank;
}

function subtract(row: number[], pivot: readonly number[], factor: number): void {
  for (const [i, element] of pivot.entries()) {
    row[i] = ((row[i] ?? 0) + PRIME - ((element * factor) % PRIME)) % PRIME;
  }
}

/** By Fermat: value^(PRIME - 2). */
function inverse(value: number): number {
  let result = 1;
  for (let exponent = PRIME - 2, power = value; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = (result * power) % PRIME;
    power = (power * power) % PRIME;
  }
  return result;
}
