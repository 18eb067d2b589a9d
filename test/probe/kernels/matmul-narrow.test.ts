import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../../src/probe/device.ts";
import { withCanary, withoutCanary } from "../../../src/probe/kernels/canary.ts";
import { asFloats } from "../../../src/probe/kernels/kernel.ts";
import {
  asIntegers,
  DOT8_PRODUCT,
  dot8Job,
  dot8Product,
  EXACT,
  matmulDot8Kernel,
} from "../../../src/probe/kernels/matmul-dot8.ts";
import { adapterDescription } from "../../support/adapter.ts";
import { f16Matmul, halfOf, matmulF16Kernel } from "../../../src/probe/kernels/matmul-f16.ts";
import {
  FLOAT_TILES,
  type FloatDesign,
  floatJob,
  PRODUCT,
  verifyFloat,
} from "../../../src/probe/kernels/matmul-float.ts";
import { F32, filledProduct, requireAll } from "../../../src/probe/kernels/product.ts";
import { type Build, buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { type Compile, compileOnly } from "../../support/compile-only.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";
import { changed, softwareDevice } from "../../support/software-device.ts";

const why = await whyNoWebGpu();
const device: ProbeDevice | undefined = why === undefined ? await softwareDevice() : undefined;
afterAll(() => device?.close());
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const SLOW = { timeout: 240_000 };

/** Of a device that is there: tests without one are skipped. */
function here(): ProbeDevice {
  if (!device) throw new Error("no device");
  return device;
}

const lacksF16 = device ? matmulF16Kernel.lacks(device.adapter) : why;
const f16Skipped = lacksF16 === undefined ? "" : ` (skipped: ${lacksF16})`;

/** What matmul-f16 does, in f32: another element, all else the same. */
const widened: FloatDesign = {
  ...f16Matmul,
  elementBytes: 4,
  specialise: (code) => {
    const bare = changed(halfOf(code), "enable f16;\n", "");
    return changed(bare, "alias element = f16;", "alias element = f32;");
  },
  summation: ({ DEPTH = 16 }) => ({ within: F32, depth: DEPTH }),
};

describe("matmul-f16", SLOW, () => {
  let code: string;
  beforeAll(async () => {
    code = await readShader(matmulF16Kernel.shader);
  });

  describe("by the compiler without a device", () => {
    let compile: Compile;
    let close: () => void;
    beforeAll(async () => ({ compile, close } = await compileOnly()));
    afterAll(() => close());

    // The compiler's own limit is 16 KiB of shared memory.
    const fitting = FLOAT_TILES.filter((tile) => (tile["ROWS"] ?? 0) * (tile["DEPTH"] ?? 0) <= 64);

    test.each(["multiply", "multiply_ragged", "fill_a", "fill_b"])("%s is valid", async (entry) => {
      expect(fitting.length).toBeGreaterThan(3);
      for (const variant of fitting) {
        expect(await compile(halfOf(buildOf(code, variant).code), entry)).toBeUndefined();
      }
    });

    test("is not valid with halves and floats mixed", async () => {
      const mixed = changed(halfOf(code), "alias quad = vec4<element>;", "alias quad = vec4f;");
      expect(await compile(mixed, "multiply")).toBeDefined();
    });
  });

  test.skipIf(why !== undefined)(
    `passes its verification with elements of f32${skipped}`,
    async () => {
      const [variant] = matmulF16Kernel.variants(here().adapter);
      const build = buildOf(code, variant);
      await expect(verifyFloat(widened, here(), build, seeded(1))).resolves.toBeUndefined();
      const lost = { variant, code: changed(build.code, "(*sums)[row * QUADS] = quad();", "") };
      await expect(verifyFloat(widened, here(), lost, seeded(1))).rejects.toMatchObject({
        code: "probe/wrong-result",
      });
    },
  );

  test.skipIf(why !== undefined)(
    `is within the tolerance of sums in chunks${skipped}`,
    async () => {
      const [variant] = matmulF16Kernel.variants(here().adapter);
      const sides = { m: 5, n: 6, k: 50 };
      const job = floatJob(widened, buildOf(code, variant), sides, { seed: 3 });
      const [bytes = new Uint8Array()] = await runOnce(here(), job, [PRODUCT]);
      const product = filledProduct(sides, 3, f16Matmul.bits);
      const compare =
        ({ summation }: FloatDesign) =>
        () =>
          requireAll("matmul-f16", product, asFloats(bytes), summation(variant));
      expect(compare(widened)).not.toThrow();
      expect(compare(f16Matmul)).not.toThrow();
    },
  );

  test.skipIf(lacksF16 !== undefined)(`passes its own verification${f16Skipped}`, async () => {
    const [variant] = matmulF16Kernel.variants(here().adapter);
    const verified = matmulF16Kernel.verify(here(), buildOf(code, variant), seeded(1));
    await expect(verified).resolves.toBeUndefined();
  });

  test("says what an adapter lacks", () => {
    const adapter = { features: ["shader-f16"] };
    expect(matmulF16Kernel.lacks(adapterDescription(adapter))).toBeUndefined();
    expect(matmulF16Kernel.lacks(adapterDescription())).toBe("no shader-f16");
  });
});

describe.skipIf(why !== undefined)(`matmul-dot8 on the software adapter${skipped}`, SLOW, () => {
  let small: Build;
  let code: string;
  beforeAll(async () => {
    code = await readShader(matmulDot8Kernel.shader);
    const [variant] = matmulDot8Kernel.variants(here().adapter);
    small = buildOf(code, variant);
  });

  const multiply = async (build: Build, m: number, n: number, k: number, on = here()) => {
    const job = withCanary(dot8Job(build, { m, n, k }, 9), [DOT8_PRODUCT]);
    const [bytes = new Uint8Array()] = await runOnce(on, job, [DOT8_PRODUCT]);
    return asIntegers(withoutCanary("matmul-dot8", bytes, 4 * m * n));
  };

  test("multiplies random sizes exactly, and writes nothing behind C", async () => {
    const side = fc.integer({ min: 1, max: 80 });
    await fc.assert(
      fc.asyncProperty(side, side, side, async (m, n, k) => {
        const c = await multiply(small, m, n, k);
        const product = dot8Product({ m, n, k }, 9);
        expect(() => requireAll("matmul-dot8", product, c, EXACT)).not.toThrow();
      }),
      { numRuns: 16 },
    );
  });

  test("passes its own verification in every variant of the adapter", async () => {
    const variants = matmulDot8Kernel.variants(here().adapter);
    expect(variants.length).toBe(3);
    for (const variant of variants) {
      await matmulDot8Kernel.verify(here(), buildOf(code, variant), seeded(4));
    }
  });

  test("gives the same without the device's own bounds checks", async () => {
    const unchecked = await softwareDevice(false);
    try {
      const [m, n, k] = [33, 35, 70];
      expect(await multiply(small, m, n, k, unchecked)).toEqual(await multiply(small, m, n, k));
    } finally {
      await unchecked.close();
    }
  });

  test("is a workload whose result is checked, and found wrong when it was not run", async () => {
    const { adapter } = here();
    const context = { build: small, scale: "software", adapter, random: seeded(2) } as const;
    const workload = matmulDot8Kernel.workload(context);
    const handle = await here().prepare(workload.job);
    const check = () => workload.check((binding, range) => here().read(handle, binding, range));
    await expect(check()).rejects.toMatchObject({ code: "probe/wrong-result" });
    await here().launch(handle, 1, 0);
    await expect(check()).resolves.toBeUndefined();
    await here().release(handle);
  });

  test.each([
    [
      "unsigned bytes",
      "dot4I8Packed(row.w, column.w) + z",
      "i32(dot4U8Packed(row.w, column.w)) + z",
    ],
    ["a missing last quad of k", "quad < quads_of_k(); quad", "quad + DEPTH < quads_of_k(); quad"],
    ["bytes behind k that are not 0", "8 * kept", "32"],
    ["columns stored out of bounds", "row < shape.m && column < shape.n", "row < shape.m"],
  ])("is told apart from a kernel with %s", async (_, from, to) => {
    const build = { ...small, code: changed(small.code, from, to) };
    await expect(matmulDot8Kernel.verify(here(), build, seeded(6))).rejects.toMatchObject({
      code: "probe/wrong-result",
    });
  });
});

describe("matrices of 8-bit integers", () => {
  test("have all values of a signed byte, of which none is taken twice", () => {
    const product = dot8Product({ m: 64, n: 1, k: 61 }, 3);
    const values = Array.from({ length: 64 * 61 }, (_, i) => product.a(i));
    expect(Math.min(...values)).toBe(-128);
    expect(Math.max(...values)).toBe(127);
    expect(new Set(values).size).toBe(256);
    expect(values.slice(0, 61)).not.toEqual(values.slice(61, 122));
  });
});
