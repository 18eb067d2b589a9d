import { keccak_256 } from "@noble/hashes/sha3.js";
import { describe, expect, test } from "vitest";
import {
  KECCAK256,
  keccak256Kernel,
  keccakMessageJob,
} from "../../../src/probe/kernels/keccak256.ts";
import { type Bench, describeNonceHash } from "../../support/nonce-hash.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

describe.skipIf(why !== undefined)(`keccak256 on the software adapter${skipped}`, () => {
  describeNonceHash({
    hash: KECCAK256,
    kernel: keccak256Kernel,
    reference: (message) => keccak_256(message),
    defects: [
      ["the padding of SHA3-256", "vec2u(0x01, 0)", "vec2u(0x06, 0)"],
      ["an early end that leaves out equality", "(hash[0].x) <= params", "(hash[0].x) < params"],
      ["a wrong last round", "b3 ^ (~b4 & b0)", "b3 ^ (b4 & ~b0)"],
      [
        "a nonce in the wrong half",
        "vec2u(nonce, params.nonce_high)",
        "vec2u(params.nonce_high, nonce)",
      ],
      ["a round too few", "i < 23", "i < 22"],
    ],
    more: describeMessages,
  });
});

function describeMessages(bench: () => Bench): void {
  const digestOf = async (message: Uint8Array): Promise<string> => {
    const bytes = await bench().first(keccakMessageJob(bench().code, message), 2);
    return Buffer.from(bytes).toString("hex");
  };

  test.each([
    ["", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"],
    ["abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"],
  ])("of %j is the published digest", async (text, digest) => {
    expect(await digestOf(Buffer.from(text))).toBe(digest);
  });

  test.each([1, 7, 8, 40, 134, 135, 136, 137, 271, 272, 273, 1000])(
    "of %i bytes is the digest of @noble/hashes",
    async (length) => {
      const message = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 256);
      expect(await digestOf(message)).toBe(Buffer.from(keccak_256(message)).toString("hex"));
    },
  );
}
