import { runOnce } from "../device.ts";
import {
  digestValue,
  GENESIS_HEADER,
  GENESIS_NONCE,
  HEADER_BYTES,
  NONCE_OFFSET,
  sha256d,
  targetOf,
} from "./block-header.ts";
import { type Kernel, wrongResult } from "./kernel.ts";
import { nonceWorkload, verifyNonceHash } from "./nonce-check.ts";
import { readFound } from "./found-list.ts";
import { FOUND, hashVariants, type NonceHash, searchJob } from "./nonce-search.ts";
import {
  BLOCK_BYTES,
  sha256Rounds,
  sha256State,
  smallSigma0,
  smallSigma1,
} from "./sha256-midstate.ts";

/** As counted in the shader, nonce by nonce of a search. */
const OPERATIONS_PER_HASH = 3888;

/** A block header, hashed as Bitcoin does. */
export const SHA256D: NonceHash = {
  name: "sha256d",
  messageBytes: HEADER_BYTES,
  nonceOffset: NONCE_OFFSET,
  paramWords,
  digest: sha256d,
  value: digestValue,
};

/** SHA-256d of an 80-byte header over a range of nonces: integer arithmetic, no memory traffic. */
export const sha256dKernel: Kernel = {
  name: SHA256D.name,
  family: "hash",
  unit: "hash/s",
  purpose: "SHA-256d of a block header: 32-bit integer arithmetic in registers, no memory traffic",
  shader: "sha256d.wgsl",
  cost: { "int32-op": OPERATIONS_PER_HASH },
  lacks: () => undefined,
  variants: hashVariants,

  async verify(device, { code }, random) {
    const range = { message: GENESIS_HEADER, firstNonce: GENESIS_NONCE - 700, count: 1001 };
    const job = searchJob(SHA256D, code, range, targetOf(GENESIS_HEADER), 4);
    const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
    const { count, listed } = readFound(bytes);
    if (count !== 1 || listed[0] !== GENESIS_NONCE) {
      const detail = `the genesis block's nonce was not found alone (${count} matches)`;
      throw wrongResult(SHA256D.name, detail);
    }
    await verifyNonceHash(SHA256D, device, code, random);
  },

  workload: (context) => nonceWorkload(SHA256D, context),
};

/** The parts of the first hash that the nonce does not change, in the order of the shader. */
function paramWords(message: Uint8Array): number[] {
  const header = new DataView(message.buffer, message.byteOffset);
  const midstate = sha256State(message.subarray(0, BLOCK_BYTES));
  const [word0 = 0, word1 = 0, word2 = 0] = [0, 1, 2].map((i) =>
    header.getUint32(BLOCK_BYTES + 4 * i),
  );
  const afterRound3 = sha256Rounds(midstate, Uint32Array.of(word0, word1, word2, 0));
  const bits = 8 * HEADER_BYTES;
  const word16 = word0 + smallSigma0(word1);
  const word17 = word1 + smallSigma0(word2) + smallSigma1(bits);
  const word18 = word2 + smallSigma1(word16);
  const word19 = smallSigma0(0x8000_0000) + smallSigma1(word17);
  const word31 = bits + smallSigma0(word16);
  return [...midstate, ...afterRound3, word16, word17, word18, word19, word31];
}
