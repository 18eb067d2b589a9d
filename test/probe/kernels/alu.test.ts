import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOnce } from "../../../src/probe/device.ts";
import { CHAIN_RESULTS, chainJob } from "../../../src/probe/kernels/alu-chain.ts";
import { aluF32Kernel, f32Chain, f32Design, f32Start } from "../../../src/probe/kernels/alu-f32.ts";
import { aluInt32Kernel, int32Chain, int32Design } from "../../../src/probe/kernels/alu-int32.ts";
import { buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import {
  adapterWith,
  expectChecked,
  expectFound,
  type KernelRig,
  openRig,
} from "../../support/kernel-rig.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const DESIGNS = [int32Design, f32Design] as const;
const KERNELS = [aluInt32Kernel, aluF32Kernel] as const;

describe.skipIf(why !== undefined)(`chains of arithmetic on the software adapter${skipped}`, () => {
  let rig: KernelRig;
  beforeAll(async () => {
    rig = await openRig();
  });
  afterAll(() => rig?.close());

  describe.each(KERNELS)("$name", (kernel) => {
    test("passes its own verification in every variant of the adapter", async () => {
      const code = await readShader(kernel.shader);
      for (const variant of kernel.variants(rig.device.adapter)) {
        const verified = kernel.verify(rig.device, buildOf(code, variant), seeded(1));
        await expect(verified).resolves.toBeUndefined();
      }
    }, 120_000);

    test("is a workload whose result is checked", async () => {
      await expect(expectChecked(rig.device, kernel)).resolves.toBeUndefined();
    });

    test("uses one of the resource that it measures, and nothing else", () => {
      expect(kernel.cost).toEqual({ [kernel.measures ?? ""]: 1 });
    });
  });

  test.each(DESIGNS)(
    "$name gives the same without the device's own bounds checks",
    async (design) => {
      const [variant] = design.variants(rig.device.adapter);
      const { code } = buildOf(await readShader(design.shader), variant);
      const run = { count: 300, iterations: 3, seed: 9, operand: 0x3f400000, variant };
      const job = chainJob(design, code, run);
      const checked = await runOnce(rig.device, job, [CHAIN_RESULTS]);
      expect(await runOnce(rig.unchecked, job, [CHAIN_RESULTS])).toEqual(checked);
    },
  );

  test.each([
    ["a rotation by one bit more", "alu-int32", "rotate_right(s.e, 25)", "rotate_right(s.e, 26)"],
    ["a choice of the other word", "alu-int32", "s.g ^ (s.e &", "s.f ^ (s.e &"],
    ["a key that is left out", "alu-int32", " + params.operand", ""],
    [
      "a step too few",
      "alu-int32",
      "half_round(half_round(half_round(half_round(s))))",
      "half_round(half_round(half_round(s)))",
    ],
    [
      "a turn of the loop too few",
      "alu-int32",
      "i < params.iterations",
      "i + 1 < params.iterations",
    ],
    ["chains that are all alike", "alu-int32", "vec4u(0, 1, 2, 3)", "vec4u(0, 0, 0, 0)"],
    [
      "a last invocation without work",
      "alu-int32",
      "index >= params.count",
      "index + 1 >= params.count",
    ],
    ["an invocation too many", "alu-int32", "index >= params.count", "index > params.count"],
    ["rows that are numbered alike", "alu-int32", "group.y * groups.x + group.x", "group.x"],
    ["a wrong sign", "alu-f32", "fma(-a, p.y, p.x)", "fma(a, p.y, p.x)"],
    ["the old x", "alu-f32", "fma(a, x, p.y)", "fma(a, p.x, p.y)"],
    [
      "a step too few",
      "alu-f32",
      "turn(turn(turn(turn(p, a), a), a), a)",
      "turn(turn(turn(p, a), a), a)",
    ],
    [
      "the precision of f16",
      "alu-f32",
      "let x = fma(-a, p.y, p.x);",
      "let x = quantizeToF16(fma(-a, p.y, p.x));",
    ],
    ["a second vector that is not stored", "alu-f32", "results[at + 1] = result(second);", ""],
    ["an invocation too many", "alu-f32", "index >= params.count", "index > params.count"],
  ])("%s is found in %s", async (_, name, from, to) => {
    const kernel = name === "alu-f32" ? aluF32Kernel : aluInt32Kernel;
    await expect(expectFound(rig.device, kernel, from, to)).resolves.toBeUndefined();
  });
});

describe("what is counted", () => {
  const operations = async (shader: string, name: string): Promise<string[]> => {
    const code = await readShader(shader);
    const body = new RegExp(`^fn ${name}\\(.*\\{\n([^}]*)^\\}`, "m").exec(code)?.[1] ?? "";
    return body.match(/rotate_right|fma|[+^&|*]/g) ?? [];
  };

  test("is every operation of a step, a rotation being one and a multiply-add two", async () => {
    expect(await operations(int32Design.shader, "half_round")).toHaveLength(11);
    expect(await operations(f32Design.shader, "turn")).toEqual(["fma", "fma"]);
    expect(int32Design.operationsPerIteration({ VECTORS: 1 })).toBe(16 * 4 * 11);
    expect(f32Design.operationsPerIteration({ VECTORS: 2 })).toBe(16 * 8 * 2 * 2);
  });

  test.each(KERNELS)("of $name grows with what a dispatch computes", (kernel) => {
    const work = (VECTORS: number) => {
      const build = { code: "", variant: { WORKGROUP: 64, VECTORS } };
      const adapter = adapterWith({});
      return kernel.workload({ build, scale: "software", adapter, random: seeded(1) });
    };
    expect(work(2).workPerDispatch).toBe(2 * work(1).workPerDispatch);
    const sizes = [work(1), work(2)].map(({ job }) => job.buffers[1]?.sizeBytes ?? 0);
    expect(sizes[1]).toBe(2 * (sizes[0] ?? 0));
  });
});

describe("the end of a chain", () => {
  test("of integers is where SHA-256's own half round would take it", () => {
    // One step with e = f = g = h is the sum of h, sigma1(e), e and the key.
    expect(int32Chain(5, 0, 7)).toBe(int32Chain(5, 0, 8));
    expect((int32Chain(5, 1, 8) - int32Chain(5, 1, 7)) >>> 0).toBe(1);
    expect(int32Chain(5, 16, 7)).not.toBe(int32Chain(6, 16, 7));
  });

  test("of floats neither grows nor vanishes, whatever the number of steps", () => {
    for (const a of [0.5, 0.75, 1 - 2 ** -24]) {
      const ends = Array.from({ length: 2000 }, (_, steps) =>
        Math.abs(f32Chain(1, steps, a).value),
      );
      expect(Math.max(...ends)).toBeLessThan(4);
      expect(Math.max(...ends.slice(1900))).toBeGreaterThan(1);
    }
  });

  test("of floats has a tolerance that covers f32 arithmetic rounded after every operation", () => {
    const a = Math.fround(0.7);
    for (const steps of [1, 16, 1024]) {
      for (let start = 0; start < 50; start++) {
        const { value, tolerance } = f32Chain(start, steps, a);
        expect(Math.abs(roundedChain(start, steps, a) - value)).toBeLessThan(tolerance);
      }
    }
  });

  test("of floats has a tolerance far below what one missing step changes", () => {
    const { tolerance } = f32Chain(1, 1024, 0.75);
    expect(tolerance).toBeGreaterThan(0);
    expect(tolerance).toBeLessThan(5e-3);
  });
});

/** The same chain in f32, with product and sum rounded apart: the worst that WGSL allows. */
function roundedChain(start: number, steps: number, a: number): number {
  let [x, y] = f32Start(start);
  for (let i = 0; i < steps; i++) {
    x = Math.fround(x - Math.fround(a * y));
    y = Math.fround(y + Math.fround(a * x));
  }
  return y;
}
