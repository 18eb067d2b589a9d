import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { asFloats } from "../../src/probe/kernels/kernel.ts";
import {
  findWrong,
  flopOf,
  matmulF32Kernel,
  multiplyJob,
  type Product,
  randomProduct,
  referenceElement,
} from "../../src/probe/kernels/matmul-f32.ts";
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
  let matmulCode: string;

  beforeAll(async () => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    device = await openDevice({ allowSoftware: true, environment, childUrl });
    matmulCode = await readShader(matmulF32Kernel.shader);
  });
  afterAll(() => device?.close());

  const first = async (job: KernelJob, binding: number): Promise<Uint8Array> =>
    (await runOnce(device, job, [binding]))[0] ?? new Uint8Array();

  describe("matmul-f32", () => {
    const multiply = async (product: Product): Promise<Float32Array> =>
      asFloats(await first(multiplyJob(matmulCode, product), 3));

    test.each([
      [1, 1, 1],
      [1, 1, 100],
      [1, 64, 16],
      [64, 64, 16],
      [63, 63, 15],
      [65, 65, 17],
      [128, 3, 33],
      [3, 200, 1],
    ])("multiplies %i x %i over %i", async (m, n, k) => {
      const product = randomProduct(m, n, k, seeded(m * 1e4 + n * 100 + k));
      const c = await multiply(product);
      expect(c.length).toBe(m * n);
      expect(findWrong(product, c, c.keys())).toBeUndefined();
    });

    test("multiplies random sizes", async () => {
      const side = fc.integer({ min: 1, max: 140 });
      await fc.assert(
        fc.asyncProperty(side, side, side, fc.integer(), async (m, n, k, seed) => {
          const product = randomProduct(m, n, k, seeded(seed));
          const c = await multiply(product);
          expect(findWrong(product, c, c.keys())).toBeUndefined();
        }),
        { numRuns: 12 },
      );
    });

    test("multiplies small integers exactly", async () => {
      const ints = (length: number) => Float32Array.from({ length }, (_, i) => (i % 7) - 3);
      const product = { m: 5, n: 6, k: 40, a: ints(200), b: ints(240) };
      const c = await multiply(product);
      for (const [i, value] of c.entries()) {
        expect(value).toBe(referenceElement(product, Math.floor(i / 6), i % 6).value);
      }
    });

    test("overwrites every poisoned element of C and nothing behind it", async () => {
      const product = randomProduct(67, 5, 9, seeded(4));
      const job = multiplyJob(matmulCode, product);
      const buffers = job.buffers.map((buffer) =>
        buffer.binding === 3 ? { ...buffer, sizeBytes: buffer.sizeBytes + 4096 } : buffer,
      );
      const c = asFloats(await first({ ...job, buffers }, 3));
      expect(c.subarray(0, 67 * 5).every(Number.isFinite)).toBe(true);
      expect(c.subarray(67 * 5).every(Number.isNaN)).toBe(true);
    });

    test("passes its own verification", async () => {
      await expect(
        matmulF32Kernel.verify(device, buildOf(matmulCode, {}), seeded(5)),
      ).resolves.toBeUndefined();
    });

    test.each([
      ["a missing last step along k", "depth < shape.k; depth", "depth + DEPTH < shape.k; depth"],
      ["rows stored out of bounds", "row >= shape.m", "row > shape.m + 64"],
      ["a column that is never stored", "i < 4; i++", "i < 3; i++"],
      ["a transposed tile of B", "b_depth * QUADS + b_quad]", "b_quad * QUADS + b_depth]"],
      [
        "a product that loses a row",
        "vec4f(rows.w), columns, sum3",
        "vec4f(rows.z), columns, sum3",
      ],
    ])("is told apart from a kernel with %s", async (_, from, to) => {
      const defective = broken(matmulCode, from, to);
      await expect(
        matmulF32Kernel.verify(device, buildOf(defective, {}), seeded(6)),
      ).rejects.toMatchObject({
        code: "probe/wrong-result",
      });
    });
  });
});

describe("the tolerance of a product", () => {
  test("is one rounding for one term, and grows with k", () => {
    const one = { m: 1, n: 1, k: 1, a: Float32Array.of(1), b: Float32Array.of(1) };
    expect(referenceElement(one, 0, 0).tolerance).toBeCloseTo(2 ** -23, 12);
    const ones = new Float32Array(1000).fill(1);
    const long = { m: 1, n: 1, k: 1000, a: ones, b: ones };
    expect(referenceElement(long, 0, 0).tolerance).toBeGreaterThan(1e6 * 2 ** -23);
    expect(referenceElement(long, 0, 0).tolerance).toBeLessThan(1.001e6 * 2 ** -23);
  });

  test("refuses a missing term, a NaN and an unwritten element", () => {
    const product = randomProduct(1, 1, 50, seeded(7));
    const { value, tolerance } = referenceElement(product, 0, 0);
    const wrong = (element: number) => findWrong(product, Float32Array.of(element), [0]);
    const lastTerm = (product.a[49] ?? 0) * (product.b[49] ?? 0);
    expect(wrong(value)).toBeUndefined();
    expect(wrong(value - lastTerm)).toBeDefined();
    expect(wrong(value + 3 * tolerance)).toBeDefined();
    expect(wrong(Number.NaN)).toBeDefined();
    expect(findWrong(product, new Float32Array(0), [0])).toBeDefined();
  });

  test("work is a multiplication and an addition per term", () => {
    expect(flopOf({ m: 2, n: 3, k: 5 })).toBe(60);
  });
});
