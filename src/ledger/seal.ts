import { createHash, randomBytes } from "node:crypto";

/**
 * A value that may name a person is stored beside its seal: a digest of the value and a salt of its
 * own. The chain holds the seal alone, so that the value and the salt can be erased later and the
 * chain still verifies; without the salt nobody can find the value by trying names.
 */
export interface Seal {
  /** 16 random bytes. */
  salt: Buffer;
  /** SHA-256 of salt and value: 32 bytes. */
  seal: Buffer;
}

const SALT_BYTES = 16;

export function newSeal(value: string): Seal {
  const salt = randomBytes(SALT_BYTES);
  return { salt, seal: sealOf(salt, value) };
}

export function sealOf(salt: Uint8Array, value: string): Buffer {
  return createHash("sha256").update(salt).update(value, "utf8").digest();
}

/** What an erased row of evidence has for the digest of its value: nothing can be guessed of it. */
export function digestInPlace(row: number): Buffer {
  return createHash("sha256").update(`erased ${row}`).digest();
}

/** A record as the JSON that is stored, with its seal: the columns of a sealed table. */
export function sealedJson(record: object): Seal & { json: string } {
  const json = JSON.stringify(record);
  return { json, ...newSeal(json) };
}
