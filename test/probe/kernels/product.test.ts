import { describe, expect, test } from "vitest";
import { halfBits, halfValue } from "../../../src/probe/kernels/half.ts";
import { f32VariantFor } from "../../../src/probe/kernels/matmul-f32.ts";
import { FLOAT_TILES, floatTile } from "../../../src/probe/kernels/matmul-float.ts";
import { matmulF32Kernel } from "../../../src/probe/kernels/matmul-f32.ts";
import { gridFor, limitedSide } from "../../../src/probe/kernels/matmul-tiles.ts";
import {
  elementsOf,
  F16,
  filledProduct,
  findWrong,
  operationsOf,
  randomProduct,
  referenceElement,
} from "../../../src/probe/kernels/product.ts";
import { seeded } from "../../support/seeded.ts";
import { adapterDescription } from "../../support/adapter.ts";

describe("the tolerance of a product", () => {
  const ones = (k: number) => ({ m: 1, n: 1, k, a: () => 1, b: () => 1 });

  test("is one rounding for one term, and grows with k", () => {
    expect(referenceElement(ones(1), 0, 0).tolerance).toBeCloseTo(2 ** -23, 12);
    expect(referenceElement(ones(1000), 0, 0).tolerance).toBeGreaterThan(1e6 * 2 ** -23);
    expect(referenceElement(ones(1000), 0, 0).tolerance).toBeLessThan(1.001e6 * 2 ** -23);
  });

  test("of sums in f16 within chunks is that of a chunk, however many there are", () => {
    const summation = { within: F16, depth: 16 };
    const { tolerance } = referenceElement(ones(16), 0, 0, summation);
    expect(tolerance).toBeGreaterThan(16 * 16 * 2 ** -10);
    expect(tolerance).toBeLessThan(17 * 16 * 2 ** -10);
    const long = referenceElement(ones(1600), 0, 0, summation).tolerance;
    expect(long).toBeGreaterThan(99 * tolerance);
    expect(long).toBeLessThan(101 * tolerance);
  });

  test("refuses a missing term, a NaN and an unwritten element", () => {
    const floats = randomProduct(1, 1, 50, seeded(7));
    const product = elementsOf(floats);
    const { value, tolerance } = referenceElement(product, 0, 0);
    const wrong = (element: number) => findWrong(product, () => element, [0]);
    expect(wrong(value)).toBeUndefined();
    expect(wrong(value - product.a(49) * product.b(49))).toBeDefined();
    expect(wrong(value + 3 * tolerance)).toBeDefined();
    expect(wrong(Number.NaN)).toBeDefined();
  });

  test("work is a multiplication and an addition per term", () => {
    expect(operationsOf({ m: 2, n: 3, k: 5 })).toBe(60);
  });
});

describe("matrices that a device fills in", () => {
  test("are spread over [-1, 1), exact in their bits, and differ by matrix and seed", () => {
    const sides = { m: 10, n: 10, k: 100 };
    const elements = (seed: number, bits: number) =>
      Array.from({ length: 1000 }, (_, i) => filledProduct(sides, seed, bits).a(i));
    const halves = elements(1, 11);
    expect(halves.every((value) => value >= -1 && value < 1)).toBe(true);
    expect(halves.every((value) => halfValue(halfBits(value)) === value)).toBe(true);
    expect(Math.abs(halves.reduce((sum, value) => sum + value, 0) / 1000)).toBeLessThan(0.1);
    expect(elements(1, 24).every((value) => Math.fround(value) === value)).toBe(true);
    expect(elements(1, 24)).not.toEqual(elements(2, 24));
    expect(elements(1, 24)).not.toEqual(
      Array.from({ length: 1000 }, (_, i) => filledProduct(sides, 1, 24).b(i)),
    );
  });
});

describe("halves", () => {
  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65_504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x0000, 0],
  ])("%i is %d", (bits, value) => {
    expect(halfValue(bits)).toBe(value);
    if (value === 0 || Math.abs(value) >= 2 ** -14) expect(halfBits(value)).toBe(bits);
  });

  test("are not made of what is no half", () => {
    expect(halfValue(0x7c00)).toBe(Infinity);
    expect(halfValue(0xffff)).toBeNaN();
    expect(() => halfBits(1 + 2 ** -11)).toThrow(RangeError);
    expect(() => halfBits(65_536)).toThrow(RangeError);
    expect(() => halfBits(2 ** -15)).toThrow(RangeError);
  });
});

describe("tiles", () => {
  const adapter = (limits: Record<string, number>, software = false) =>
    adapterDescription({ software, limits });
  const large = adapter({
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupSizeX: 1024,
    maxComputeWorkgroupStorageSize: 49_152,
  });
  const groupsOf = (side: number): number => {
    const sides = { m: side, n: side, k: side };
    const [across, down] = gridFor(sides, floatTile(f32VariantFor(large, sides), 4));
    return across * down;
  };

  test("are only those that fit the adapter's workgroups, all of them on a large one", () => {
    expect(matmulF32Kernel.variants(large)).toEqual(FLOAT_TILES);
    for (const bytes of [16_384, 20_480, 36_863, 36_864]) {
      const variants = matmulF32Kernel.variants(adapter({ maxComputeWorkgroupStorageSize: bytes }));
      const storage = variants.map((variant) => floatTile(variant, 4).storageBytes);
      expect(Math.max(...storage)).toBeLessThanOrEqual(bytes);
      expect(variants.length === FLOAT_TILES.length).toBe(bytes === 36_864);
    }
    const few = matmulF32Kernel.variants(adapter({ maxComputeInvocationsPerWorkgroup: 128 }));
    expect(few.every((variant) => floatTile(variant, 4).invocations <= 128)).toBe(true);
  });

  test("are largest first on a GPU, and smallest first on a CPU that plays one", () => {
    const [first] = matmulF32Kernel.variants(large);
    expect(floatTile(first, 4)).toMatchObject({ rows: 128, columns: 128, storageBytes: 36_864 });
    const [small] = matmulF32Kernel.variants(adapter(large.limits, true));
    expect(floatTile(small, 4)).toMatchObject({ rows: 16, columns: 32 });
  });

  test("are as large as leaves every multiprocessor work, and as many as can be below that", () => {
    expect(groupsOf(256)).toBe(128);
    expect(groupsOf(512)).toBe(256);
    expect(groupsOf(1024)).toBe(256);
    expect(groupsOf(2048)).toBe(256);
    expect(groupsOf(4096)).toBe(1024);
  });

  test("are of matrices that fit into a buffer", () => {
    expect(limitedSide(4096, large, 4)).toBe(4096);
    const tight = adapter({ maxStorageBufferBindingSize: 2 ** 24 });
    expect(limitedSide(4096, tight, 4)).toBe(2048);
    expect(limitedSide(4096, adapter({ maxBufferSize: 2 ** 24 - 4 }), 4)).toBe(1984);
  });
});
