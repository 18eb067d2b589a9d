import { blake3 } from "@noble/hashes/blake3.js";
import { describe, expect, test } from "vitest";
import { BLAKE3, blake3Kernel, blake3MessageJob } from "../../../src/probe/kernels/blake3.ts";
import { type Bench, describeNonceHash } from "../../support/nonce-hash.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

describe.skipIf(why !== undefined)(`blake3 on the software adapter${skipped}`, () => {
  describeNonceHash({
    hash: BLAKE3,
    kernel: blake3Kernel,
    reference: (message) => blake3(message),
    defects: [
      [
        "a wrong rotation",
        "(b >> vec4u(7)) | (b << vec4u(25))",
        "(b >> vec4u(9)) | (b << vec4u(23))",
      ],
      ["a comparison that leaves out equality", "  return true;\n", "  return false;\n"],
      [
        "an early end that leaves out equality",
        "(even.a.x ^ even.c.y) >",
        "(even.a.x ^ even.c.y) >=",
      ],
      ["a wrong last word", "odd.a.x, even.a.y, odd.a.y", "odd.a.y, even.a.y, odd.a.x"],
      ["a message that is never the root", "CHUNK_END | ROOT", "CHUNK_END"],
    ],
    more: describeMessages,
  });
});

/** 0, 1, 2, …, 250, 0, …: what the project's vectors are made of. */
function counted(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

function describeMessages(bench: () => Bench): void {
  const digestOf = async (message: Uint8Array): Promise<string> => {
    const bytes = await bench().first(blake3MessageJob(bench().code, message), 2);
    return Buffer.from(bytes).toString("hex");
  };

  test.each([
    [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
    [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
    [1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"],
    [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  ])("of %i bytes is the digest that the BLAKE3 project publishes", async (length, digest) => {
    expect(await digestOf(counted(length))).toBe(digest);
  });

  test.each([2, 63, 64, 65, 127, 128, 129, 960, 961])(
    "of %i bytes is the digest of @noble/hashes",
    async (length) => {
      const message = counted(length);
      expect(await digestOf(message)).toBe(Buffer.from(blake3(message)).toString("hex"));
    },
  );

  test("is not offered of more than one chunk", () => {
    expect(() => blake3MessageJob("", counted(1025))).toThrow(RangeError);
  });
}
