import { createHash } from "node:crypto";
import { spreadOf, type Spread } from "../statistics.ts";
import { interleave } from "./interleave.ts";
import type { Hashers } from "./peers.ts";

/** Hashes of one processor core, for a kernel of that name. */
export interface CoreRate {
  kernel: string;
  library: string;
  hashesPerSecond: Spread;
}

const ROUNDS = 5;
const ROUND_SECONDS = 0.3;
/** One timer call for so many hashes: it costs about as much as one of them. */
const BATCH = 256;

type Hash = (message: Uint8Array) => Uint8Array;

/**
 * The same hashes on one core: SHA-256d of 80 bytes, Keccak-256 and BLAKE3 of 64 bytes.
 * @param version of hash-wasm
 */
export async function coreRates(hashers: Hashers, version: string): Promise<CoreRate[]> {
  const wasm = `hash-wasm ${version}`;
  const node = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const cases: { kernel: string; library: string; hash: Hash; bytes: number }[] = [
    { kernel: "sha256d", library: wasm, hash: (m) => hashers.sha256(hashers.sha256(m)), bytes: 80 },
    { kernel: "sha256d", library: "node:crypto", hash: (m) => node(node(m)), bytes: 80 },
    { kernel: "keccak256", library: wasm, hash: hashers.keccak256, bytes: 64 },
    { kernel: "blake3", library: wasm, hash: hashers.blake3, bytes: 64 },
  ];
  const timings = await interleave(
    cases.map(({ hash, bytes }) => looped(hash, bytes)),
    { rounds: ROUNDS, roundSeconds: ROUND_SECONDS, now: () => performance.now() / 1000 },
  );
  return cases.map(({ kernel, library }, i) => {
    const { median, min, max } = timings[i]?.seconds ?? spreadOf([Number.NaN]);
    const rate = (seconds: number): number => BATCH / seconds;
    return {
      kernel,
      library,
      hashesPerSecond: { median: rate(median), min: rate(max), max: rate(min) },
    };
  });
}

/** Hashes a message whose nonce counts up, as a search does. */
function looped(hash: Hash, bytes: number): (count: number) => Promise<void> {
  const message = new Uint8Array(bytes);
  const view = new DataView(message.buffer);
  let nonce = 0;
  return async (count) => {
    for (let i = 0; i < count * BATCH; i++) {
      view.setUint32(bytes - 4, nonce++ >>> 0, true);
      hash(message);
    }
  };
}
