import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blake3Kernel } from "../../../src/probe/kernels/blake3.ts";
import { keccak256Kernel } from "../../../src/probe/kernels/keccak256.ts";
import { digestJob, searchJob } from "../../../src/probe/kernels/nonce-search.ts";
import { SHA256D, sha256dKernel } from "../../../src/probe/kernels/sha256d.ts";
import { buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { type Compile, compileOnly } from "../../support/compile-only.ts";
import { ADAPTER } from "../../support/scripted-device.ts";

describe("the shapes that hash kernels have on a GPU", () => {
  let compile: Compile;
  let close: () => void;
  beforeAll(async () => {
    ({ compile, close } = await compileOnly());
  });
  afterAll(() => close());

  test.each([sha256dKernel, keccak256Kernel, blake3Kernel])(
    "$name compiles in each of them",
    async (kernel) => {
      const code = await readShader(kernel.shader);
      const variants = kernel.variants(ADAPTER);
      expect(variants.length).toBeGreaterThan(4);
      for (const variant of variants) {
        const build = buildOf(code, variant);
        for (const entryPoint of ["search", "digest"])
          expect(await compile(build.code, entryPoint)).toBeUndefined();
      }
    },
  );

  test("a grid has as many workgroups as its shape needs, and no side beyond the limit", async () => {
    const code = await readShader(sha256dKernel.shader);
    const range = (count: number) => ({ message: new Uint8Array(80), firstNonce: 0, count });
    const grid = (count: number, variant: Record<string, number>) =>
      searchJob(SHA256D, buildOf(code, variant).code, range(count), 0n, 1).workgroups;
    expect(grid(256, {})).toEqual([1, 1, 1]);
    expect(grid(257, {})).toEqual([2, 1, 1]);
    expect(grid(257, { WORKGROUP: 64 })).toEqual([5, 1, 1]);
    expect(grid(257, { WORKGROUP: 64, HASHES: 4 })).toEqual([2, 1, 1]);
    expect(grid(2 ** 31, {})).toEqual([32_768, 256, 1]);
    expect(() => grid(2 ** 31 + 1, {})).toThrow(RangeError);
    expect(() => digestJob(SHA256D, "// no shape", range(1))).toThrow(RangeError);
  });
});
