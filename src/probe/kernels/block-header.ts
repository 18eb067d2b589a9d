import { createHash } from "node:crypto";

export const HEADER_BYTES = 80;
export const NONCE_OFFSET = 76;

/** The header of Bitcoin's first block: a public vector whose nonce is 2083236893. */
export const GENESIS_HEADER: Uint8Array = Uint8Array.from(
  Buffer.from(
    `01000000${"00".repeat(32)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a` +
      "29ab5f49ffff001d1dac2b7c",
    "hex",
  ),
);
export const GENESIS_NONCE = 2_083_236_893;

/** SHA-256 of SHA-256, by `node:crypto`: the reference of the kernel. */
export function sha256d(bytes: Uint8Array): Uint8Array {
  const once = createHash("sha256").update(bytes).digest();
  return createHash("sha256").update(once).digest();
}

/** A digest as the number that is compared with the target: its last byte weighs most. */
export function digestValue(digest: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(digest).reverse().toString("hex")}`);
}

/** The target that the header's own `bits` field encodes (3-byte mantissa, base-256 exponent). */
export function targetOf(header: Uint8Array): bigint {
  const bits = new DataView(header.buffer, header.byteOffset).getUint32(72, true);
  const exponent = BigInt(bits >>> 24);
  return BigInt(bits & 0x007f_ffff) << (8n * (exponent - 3n));
}
