import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, test } from "vitest";
import {
  GENESIS_HEADER,
  GENESIS_NONCE,
  targetOf,
} from "../../../src/probe/kernels/block-header.ts";
import { searchJob } from "../../../src/probe/kernels/nonce-search.ts";
import { SHA256D, sha256dKernel } from "../../../src/probe/kernels/sha256d.ts";
import {
  sha256Rounds,
  smallSigma0,
  smallSigma1,
} from "../../../src/probe/kernels/sha256-midstate.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { type Bench, describeNonceHash } from "../../support/nonce-hash.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

describe.skipIf(why !== undefined)(`sha256d on the software adapter${skipped}`, () => {
  describeNonceHash({
    hash: SHA256D,
    kernel: sha256dKernel,
    reference: (message) => sha256(sha256(message)),
    defects: [
      ["a wrong round constant", "0xc67178f2", "0xc67178f3"],
      ["a comparison that leaves out equality", "  return true;\n", "  return false;\n"],
      ["an early end that leaves out equality", "(last) > params", "(last) >= params"],
      ["a range that ends one early", "index >= params", "index + 1 >= params"],
      ["a wrong first round", "0x98c7e2a2", "0x98c7e2a3"],
    ],
    more: describeGenesis,
  });
});

function describeGenesis(bench: () => Bench): void {
  describe("of the genesis block", () => {
    const genesis = (firstNonce: number, count: number) => {
      const range = { message: GENESIS_HEADER, firstNonce, count };
      return bench().found(searchJob(SHA256D, bench().code, range, targetOf(GENESIS_HEADER), 4));
    };

    test("finds the nonce, as the first, a middle and the last of a range", async () => {
      const alone = { count: 1, listed: [GENESIS_NONCE] };
      expect(await genesis(GENESIS_NONCE, 500)).toEqual(alone);
      expect(await genesis(GENESIS_NONCE - 300, 500)).toEqual(alone);
      expect(await genesis(GENESIS_NONCE - 499, 500)).toEqual(alone);
    });

    test("finds nothing in the ranges that end before it and start after it", async () => {
      const nothing = { count: 0, listed: [] };
      expect(await genesis(GENESIS_NONCE - 500, 500)).toEqual(nothing);
      expect(await genesis(GENESIS_NONCE + 1, 500)).toEqual(nothing);
    });
  });
}

describe("the numbers that sha256d's shader has ready", () => {
  const hex = (value = 0): string => `0x${(value >>> 0).toString(16).padStart(8, "0")}u`;

  test("are those of FIPS 180-4", async () => {
    const code = await readShader(sha256dKernel.shader);
    const initial = Uint32Array.from(
      /INITIAL = State\(([^)]*)\)/.exec(code)?.[1]?.split(",").slice(0, 8).map(Number) ?? [],
    );
    const [a, , , , e] = sha256Rounds(initial, Uint32Array.of(0));
    const declared = (name: string) => new RegExp(`^const ${name} = (\\w+);`, "m").exec(code)?.[1];
    expect(declared("ROUND_0_A")).toBe(hex(a));
    expect(declared("ROUND_0_E")).toBe(hex(e));
    expect(declared("SIGMA0_END")).toBe(hex(smallSigma0(0x8000_0000)));
    expect(declared("SIGMA0_HEADER_BITS")).toBe(hex(smallSigma0(640)));
    expect(declared("SIGMA0_DIGEST_BITS")).toBe(hex(smallSigma0(256)));
    expect(declared("SIGMA1_DIGEST_BITS")).toBe(hex(smallSigma1(256)));
  });
});
