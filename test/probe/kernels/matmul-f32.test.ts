import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../../src/probe/device.ts";
import { withCanary, withoutCanary } from "../../../src/probe/kernels/canary.ts";
import { asFloats } from "../../../src/probe/kernels/kernel.ts";
import { f32Matmul, matmulF32Kernel, multiplyJob } from "../../../src/probe/kernels/matmul-f32.ts";
import { FLOAT_TILES, floatJob, PRODUCT } from "../../../src/probe/kernels/matmul-float.ts";
import {
  elementsOf,
  filledProduct,
  type FloatProduct,
  randomProduct,
  referenceElement,
  findWrong,
  requireAll,
  type Sides,
} from "../../../src/probe/kernels/product.ts";
import { type Build, buildOf, type Variant } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";
import { changed, softwareDevice } from "../../support/software-device.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
/** The software adapter compiles for seconds. */
const SLOW = { timeout: 240_000 };

/** 32 x 32 of C by 128 invocations, 16 steps of k: one of the shapes, and quick to compile. */
const SMALL: Variant = { ACROSS: 8, DOWN: 16, ROWS: 2, QUADS: 1, DEPTH: 16 };

describe.skipIf(why !== undefined)(`matmul-f32 on the software adapter${skipped}`, SLOW, () => {
  let device: ProbeDevice;
  let code: string;
  let small: Build;
  beforeAll(async () => {
    device = await softwareDevice();
    code = await readShader(matmulF32Kernel.shader);
    small = buildOf(code, SMALL);
  });
  afterAll(() => device?.close());

  const multiply = async (product: FloatProduct, build = small, on = device) => {
    const job = withCanary(multiplyJob(build, product), [PRODUCT]);
    const [bytes = new Uint8Array()] = await runOnce(on, job, [PRODUCT]);
    return asFloats(withoutCanary("matmul-f32", bytes, 4 * product.m * product.n));
  };
  const wrongIn = async (product: FloatProduct, build = small): Promise<string | undefined> => {
    const c = await multiply(product, build);
    expect(c.length).toBe(product.m * product.n);
    return findWrong(elementsOf(product), (i) => c[i] ?? Number.NaN, c.keys());
  };

  test.each([
    [1, 1, 1],
    [1, 1, 100],
    [1, 64, 16],
    [32, 32, 16],
    [31, 31, 15],
    [33, 33, 17],
    [33, 36, 20],
    [65, 3, 33],
    [3, 100, 1],
    [2, 4, 4],
  ])("multiplies %i x %i over %i, and writes nothing behind C", async (m, n, k) => {
    const product = randomProduct(m, n, k, seeded(m * 1e4 + n * 100 + k));
    expect(await wrongIn(product)).toBeUndefined();
  });

  test("multiplies random sizes", async () => {
    const side = fc.integer({ min: 1, max: 70 });
    const wholeQuads = fc.integer({ min: 1, max: 17 }).map((quads) => 4 * quads);
    const sides = fc.oneof(fc.tuple(side, side, side), fc.tuple(side, wholeQuads, wholeQuads));
    await fc.assert(
      fc.asyncProperty(sides, fc.integer(), async ([m, n, k], seed) => {
        expect(await wrongIn(randomProduct(m, n, k, seeded(seed)))).toBeUndefined();
      }),
      { numRuns: 24 },
    );
  });

  test("multiplies small integers exactly", async () => {
    const ints = (length: number) => Float32Array.from({ length }, (_, i) => (i % 7) - 3);
    const product = { m: 5, n: 6, k: 40, a: ints(200), b: ints(240) };
    for (const [i, value] of (await multiply(product)).entries()) {
      const { value: expected } = referenceElement(elementsOf(product), Math.floor(i / 6), i % 6);
      expect(value).toBe(expected);
    }
  });

  test("takes nothing of what is not finite where it does not belong", async () => {
    const product = randomProduct(9, 10, 11, seeded(8));
    // The last step of k is what is read in place of those behind it.
    product.a[3 * 11 + 10] = Infinity;
    product.b[10 * 10 + 7] = Infinity;
    const infinite = (c: Float32Array) => [...c.keys()].filter((i) => Math.abs(c[i] ?? 0) > 1e30);
    const crossed = Array.from({ length: 90 }, (_, i) => i).filter(
      (i) => Math.floor(i / 10) === 3 || i % 10 === 7,
    );
    expect(infinite(await multiply(product))).toEqual(crossed);
    const open = changed(small.code, "select(quad(), values, inside)", "values");
    const c = await multiply(product, { code: open, variant: SMALL });
    expect(c.some(Number.isNaN)).toBe(true);
  });

  test("gives zeros where there is nothing to add up, and refuses a product without elements", async () => {
    expect([...(await multiply(randomProduct(3, 5, 0, seeded(1))))]).toEqual(Array(15).fill(0));
    expect([...(await multiply(randomProduct(2, 4, 0, seeded(1))))]).toEqual(Array(8).fill(0));
    for (const [m, n] of [
      [0, 1],
      [1, 0],
      [0, 0],
    ] as const) {
      expect(() => multiplyJob(small, randomProduct(m, n, 1, seeded(1)))).toThrow("no elements");
    }
    expect(() => multiplyJob(small, { ...randomProduct(1, 1, 1, seeded(1)), m: 1.5 })).toThrow(
      "sides",
    );
  });

  test("multiplies what the device itself filled in, in full f32", async () => {
    const sides: Sides = { m: 7, n: 12, k: 20 };
    const [bytes = new Uint8Array()] = await runOnce(
      device,
      floatJob(f32Matmul, small, sides, { seed: 77 }),
      [PRODUCT],
    );
    requireAll("matmul-f32", filledProduct(sides, 77, 24), asFloats(bytes));
    expect(() => requireAll("other", filledProduct(sides, 78, 24), asFloats(bytes))).toThrow("is");
  });

  test("passes its own verification", async () => {
    await expect(matmulF32Kernel.verify(device, small, seeded(5))).resolves.toBeUndefined();
  });

  // Each on its own, as compiling takes long. The first needs more shared memory than 32 KiB.
  test.each(FLOAT_TILES.slice(1).map((variant, i) => ({ variant, odd: i % 2 })))(
    "multiplies over several tiles of $variant, $odd of a row short of a whole quad",
    async ({ variant, odd }) => {
      const { ACROSS = 0, DOWN = 0, ROWS = 0, QUADS = 0, DEPTH = 0 } = variant;
      const n = ACROSS * QUADS * 4 + 4 - odd;
      const sides = [DOWN * ROWS + 1, n, 2 * DEPTH + 4 - odd] as const;
      const wrong = await wrongIn(randomProduct(...sides, seeded(n)), buildOf(code, variant));
      expect(wrong).toBeUndefined();
    },
  );

  test("was run in every variant of the adapter", () => {
    expect(matmulF32Kernel.variants(device.adapter)).toEqual(FLOAT_TILES.slice(1).toReversed());
  });

  test("gives the same without the device's own bounds checks", async () => {
    const unchecked = await softwareDevice(false);
    try {
      for (const [m, n, k] of [
        [33, 35, 17],
        [33, 36, 20],
      ] as const) {
        const product = randomProduct(m, n, k, seeded(6));
        expect(await multiply(product, small, unchecked)).toEqual(await multiply(product));
      }
    } finally {
      await unchecked.close();
    }
  });

  test("is a workload whose result is checked, and found wrong when it was not run", async () => {
    const { adapter } = device;
    const context = { build: small, scale: "software", adapter, random: seeded(2) } as const;
    const workload = matmulF32Kernel.workload(context);
    expect(workload.workPerDispatch).toBe(2 * 192 ** 3);
    const handle = await device.prepare(workload.job);
    const check = () => workload.check((binding, range) => device.read(handle, binding, range));
    await expect(check()).rejects.toMatchObject({ code: "probe/wrong-result" });
    await device.launch(handle, 2, 0);
    await expect(check()).resolves.toBeUndefined();
    await device.release(handle);
  });

  test.each([
    ["a missing last step along k", "depth < shape.k; depth", "depth + DEPTH < shape.k; depth"],
    ["rows stored out of bounds", "row < shape.m && column + j", "column + j"],
    ["a quad cut in the wrong place", "quad(first.zw, second.xy)", "quad(first.zw, second.yz)"],
    ["both tiles in one copy", "copy = 1 - copy;", ""],
    [
      "the precision of f16",
      "fma(quad(row.x), columns.x, sum)",
      "quantizeToF16(fma(quad(row.x), columns.x, sum))",
    ],
  ])("is told apart from a kernel with %s", async (_, from, to) => {
    const build = { code: changed(small.code, from, to), variant: SMALL };
    await expect(matmulF32Kernel.verify(device, build, seeded(6))).rejects.toMatchObject({
      code: "probe/wrong-result",
    });
  });
});
