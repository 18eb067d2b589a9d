import { sha256 } from "@noble/hashes/sha2.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import {
  digestValue,
  GENESIS_HEADER,
  GENESIS_NONCE,
  targetOf,
  withNonce,
} from "../../src/probe/kernels/block-header.ts";
import { asWords } from "../../src/probe/kernels/kernel.ts";
import {
  digestJob,
  readDigests,
  readFound,
  searchJob,
  sha256dKernel,
} from "../../src/probe/kernels/sha256d.ts";
import { buildOf } from "../../src/probe/kernels/variant.ts";
import type { KernelJob } from "../../src/probe/protocol.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { builtUrl } from "../support/built.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

/** Reproducible: 32-bit mixing of a counter. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = state ^ (state >>> 16);
    x = Math.imul(x, 0x21f0aaad);
    x ^= x >>> 15;
    x = Math.imul(x, 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The WGSL with a defect; fails where the text to break is gone. */
function broken(code: string, from: string, to: string): string {
  expect(code).toContain(from);
  return code.replace(from, to);
}

describe.skipIf(why !== undefined)(`kernels on the software adapter${skipped}`, () => {
  let device: ProbeDevice;
  let shaCode: string;

  beforeAll(async () => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    device = await openDevice({ allowSoftware: true, environment, childUrl });
    shaCode = await readShader(sha256dKernel.shader);
  });
  afterAll(() => device?.close());

  const first = async (job: KernelJob, binding: number): Promise<Uint8Array> =>
    (await runOnce(device, job, [binding]))[0] ?? new Uint8Array();
  const found = async (job: KernelJob) => readFound(await first(job, 1));

  describe("sha256d", () => {
    const genesis = (firstNonce: number, count: number) =>
      searchJob(
        shaCode,
        { header: GENESIS_HEADER, firstNonce, count },
        targetOf(GENESIS_HEADER),
        4,
      );

    test("finds the genesis block's nonce, as the first, a middle and the last of a range", async () => {
      const alone = { count: 1, nonces: [GENESIS_NONCE] };
      expect(await found(genesis(GENESIS_NONCE, 500))).toEqual(alone);
      expect(await found(genesis(GENESIS_NONCE - 300, 500))).toEqual(alone);
      expect(await found(genesis(GENESIS_NONCE - 499, 500))).toEqual(alone);
    });

    test("finds nothing in the ranges that end before it and start after it", async () => {
      const nothing = { count: 0, nonces: [] };
      expect(await found(genesis(GENESIS_NONCE - 500, 500))).toEqual(nothing);
      expect(await found(genesis(GENESIS_NONCE + 1, 500))).toEqual(nothing);
    });

    test("gives the digest of @noble/hashes for random headers and any number of nonces", async () => {
      const random = seeded(1);
      for (const count of [1, 255, 256, 257, 600]) {
        const header = Uint8Array.from({ length: 80 }, () => Math.floor(random() * 256));
        const firstNonce = Math.floor(random() * 2 ** 31);
        const job = digestJob(shaCode, { header, firstNonce, count });
        const digests = readDigests(await first(job, 2));
        const expected = Array.from({ length: count }, (_, i) =>
          sha256(sha256(withNonce(header, firstNonce + i))),
        );
        expect(digests).toEqual(expected);
      }
    });

    test("wraps around after the last nonce", async () => {
      const range = { header: GENESIS_HEADER, firstNonce: 2 ** 32 - 1, count: 2 };
      const digests = readDigests(await first(digestJob(shaCode, range), 2));
      expect(digests[1]).toEqual(sha256(sha256(withNonce(GENESIS_HEADER, 0))));
    });

    test("takes a hash that equals the target and none above it", async () => {
      const range = { header: GENESIS_HEADER, firstNonce: 77, count: 1 };
      const value = digestValue(sha256(sha256(withNonce(GENESIS_HEADER, 77))));
      expect((await found(searchJob(shaCode, range, value, 1))).nonces).toEqual([77]);
      expect((await found(searchJob(shaCode, range, value - 1n, 1))).nonces).toEqual([]);
    });

    test("counts matches beyond the list's capacity without writing them", async () => {
      const range = { header: GENESIS_HEADER, firstNonce: 0, count: 300 };
      const job = searchJob(shaCode, range, 2n ** 256n - 1n, 5);
      const buffers = job.buffers.map((buffer) =>
        buffer.binding === 1 ? { ...buffer, sizeBytes: 4 * (1 + 8) } : buffer,
      );
      const words = asWords(await first({ ...job, buffers }, 1));
      expect(words[0]).toBe(300);
      expect([...words.subarray(1, 6)].every((nonce) => nonce < 300)).toBe(true);
      expect([...words.subarray(6)]).toEqual([0xffffffff, 0xffffffff, 0xffffffff]);
    });

    test("numbers the rows of a grid one after the other", async () => {
      const job = digestJob(shaCode, { header: GENESIS_HEADER, firstNonce: 5, count: 1000 });
      const inRows = await first({ ...job, workgroups: [2, 2, 1] }, 2);
      expect(Buffer.compare(inRows, await first(job, 2))).toBe(0);
    });

    test("passes its own verification", async () => {
      await expect(
        sha256dKernel.verify(device, buildOf(shaCode, {}), seeded(2)),
      ).resolves.toBeUndefined();
    });

    test.each([
      ["a wrong round constant", "0xc67178f2", "0xc67178f3"],
      ["a comparison that leaves out equality", "  return true;\n", "  return false;\n"],
      ["a nonce in the wrong byte order", "swap_bytes(nonce)", "nonce"],
      ["a range that ends one early", "index >= params", "index + 1 >= params"],
    ])("is told apart from a kernel with %s", async (_, from, to) => {
      const defective = broken(shaCode, from, to).replaceAll(from, to);
      await expect(
        sha256dKernel.verify(device, buildOf(defective, {}), seeded(3)),
      ).rejects.toMatchObject({
        code: "probe/wrong-result",
      });
    });
  });
});
