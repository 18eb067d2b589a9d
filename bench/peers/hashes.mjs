import { createBLAKE3, createKeccak, createSHA256 } from "hash-wasm";

export const packageName = "hash-wasm";

/** hash-wasm's hashers, each from bytes to a digest, on one thread. */
export async function prepare() {
  const digest = (hasher) => (bytes) => hasher.init().update(bytes).digest("binary");
  return {
    sha256: digest(await createSHA256()),
    keccak256: digest(await createKeccak(256)),
    blake3: digest(await createBLAKE3()),
  };
}
