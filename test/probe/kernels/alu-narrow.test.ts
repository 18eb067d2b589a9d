import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../../src/probe/device.ts";
import { CHAIN_RESULTS, chainJob } from "../../../src/probe/kernels/alu-chain.ts";
import { aluDot8Kernel, dot4, dot8Chain, dot8Design } from "../../../src/probe/kernels/alu-dot8.ts";
import { aluF16Kernel, f16Chain, f16Design } from "../../../src/probe/kernels/alu-f16.ts";
import { halfBits, halfValue } from "../../../src/probe/kernels/half.ts";
import { buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { compileOnly } from "../../support/compile-only.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";
import { changed, softwareDevice } from "../../support/software-device.ts";

const why = await whyNoWebGpu();
const device: ProbeDevice | undefined = why === undefined ? await softwareDevice() : undefined;
afterAll(() => device?.close());
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const lacksF16 = device ? aluF16Kernel.lacks(device.adapter) : why;
const f16Skipped = lacksF16 === undefined ? "" : ` (skipped: ${lacksF16})`;
const SLOW = { timeout: 240_000 };

/** Of a device that is there: tests without one are skipped. */
function here(): ProbeDevice {
  if (!device) throw new Error("no device");
  return device;
}

/** What alu-f16 does, in f32, which is exact where f16 is. */
function widened(code: string): string {
  const bare = changed(code, "enable f16;", "");
  return changed(bare, "alias element = f16;", "alias element = f32;");
}
const KERNELS = [
  { name: "alu-dot8", kernel: aluDot8Kernel, design: dot8Design, text: (code: string) => code },
  { name: "alu-f16 in f32", kernel: aluF16Kernel, design: f16Design, text: widened },
];

describe.skipIf(why !== undefined).each(KERNELS)(
  `$name on the software adapter${skipped}`,
  SLOW,
  ({ kernel, design, text }) => {
    let code: string;
    beforeAll(async () => {
      code = text(await readShader(kernel.shader));
    });

    test("passes its own verification, with each number of chains", async () => {
      const numbers = new Set<number>();
      for (const variant of kernel.variants(here().adapter)) {
        if (numbers.has(variant["VECTORS"] ?? 0)) continue;
        numbers.add(variant["VECTORS"] ?? 0);
        await kernel.verify(here(), buildOf(code, { ...variant, WORKGROUP: 64 }), seeded(1));
      }
      expect(numbers.size).toBeGreaterThan(1);
    });

    test("is a workload whose result is checked, and found wrong when it was not run", async () => {
      const [variant] = kernel.variants(here().adapter);
      const { adapter } = here();
      const build = buildOf(code, variant);
      const context = { build, scale: "software", adapter, random: seeded(2) } as const;
      const workload = kernel.workload(context);
      const handle = await here().prepare(workload.job);
      const check = () => workload.check((binding, range) => here().read(handle, binding, range));
      await expect(check()).rejects.toMatchObject({ code: "probe/wrong-result" });
      await here().launch(handle, 1, 0);
      await expect(check()).resolves.toBeUndefined();
      await here().release(handle);
    });

    test("gives the same without the device's own bounds checks", async () => {
      const [variant] = kernel.variants(here().adapter);
      const run = {
        count: 300,
        iterations: 2,
        seed: 9,
        operand: design.operand(seeded(3)),
        variant,
      };
      const job = chainJob(design, buildOf(code, variant).code, run);
      const unchecked = await softwareDevice(false);
      try {
        const results = (on: ProbeDevice) => runOnce(on, job, [CHAIN_RESULTS]);
        expect(await results(unchecked)).toEqual(await results(here()));
      } finally {
        await unchecked.close();
      }
    });

    test("uses one of the resource that it measures, and nothing else", () => {
      expect(kernel.cost).toEqual({ [kernel.measures ?? ""]: 1 });
    });
  },
);

describe.skipIf(why !== undefined)(`a defect on the software adapter${skipped}`, SLOW, () => {
  test.each([
    ["a wrong sign", aluF16Kernel, "fma(-a, p.y, p.x)", "fma(a, p.y, p.x)"],
    ["the old x", aluF16Kernel, "fma(b, x, p.y)", "fma(b, p.x, p.y)"],
    [
      "a step too few",
      aluF16Kernel,
      "turn(turn(turn(turn(p, a, b), a, b), a, b), a, b)",
      "turn(turn(turn(p, a, b), a, b), a, b)",
    ],
    ["an invocation too many", aluF16Kernel, "index >= params.count", "index > params.count"],
    [
      "unsigned bytes",
      aluDot8Kernel,
      "dot4I8Packed(bytes.w, key) + bitcast<i32>(sum.w)",
      "i32(dot4U8Packed(bytes.w, key)) + bitcast<i32>(sum.w)",
    ],
    ["the old x", aluDot8Kernel, "add_dots(p.y, x, key)", "add_dots(p.y, p.x, key)"],
    ["a second vector that is not stored", aluDot8Kernel, "results[at + 1] = result(second);", ""],
  ])("%s is found", async (_, kernel, from, to) => {
    const code = changed(await readShader(kernel.shader), from, to);
    const text = kernel === aluF16Kernel ? widened(code) : code;
    const [variant] = kernel.variants(here().adapter);
    const build = buildOf(text, { ...variant, WORKGROUP: 64 });
    await expect(kernel.verify(here(), build, seeded(3))).rejects.toMatchObject({
      code: "probe/wrong-result",
    });
  });
});

describe("alu-f16 itself", () => {
  test("is valid for the compiler without a device, in every variant", async () => {
    const { compile, close } = await compileOnly();
    const code = await readShader(aluF16Kernel.shader);
    for (const VECTORS of [1, 2, 4]) {
      expect(await compile(buildOf(code, { VECTORS }).code, "chain")).toBeUndefined();
    }
    close();
  });

  test.skipIf(lacksF16 !== undefined)(`passes its own verification${f16Skipped}`, async () => {
    const code = await readShader(aluF16Kernel.shader);
    for (const variant of aluF16Kernel.variants(here().adapter)) {
      const verified = aluF16Kernel.verify(here(), buildOf(code, variant), seeded(1));
      await expect(verified).resolves.toBeUndefined();
    }
  });

  test("never needs more than f16 holds, whatever the multipliers and the point", () => {
    const random = seeded(4);
    for (let i = 0; i < 200; i++) {
      const operand = f16Design.operand(random);
      const [a, b] = [halfValue(operand & 0xffff), halfValue(operand >>> 16)];
      expect([1, 3]).toContain(a * b);
      const ends = Array.from({ length: 13 }, (_, steps) => f16Chain(i, steps, a, b));
      // Exact, or this throws.
      for (const end of ends) halfBits(end);
      expect(ends[12]).toBe(ends[0]);
      expect(new Set(ends).size).toBeGreaterThan(1);
    }
  });

  test("does not run a number of steps after which all is as it was", () => {
    for (const { iterations } of Object.values(f16Design.sizes)) expect(iterations % 3).not.toBe(0);
  });
});

describe("the dot product of four bytes", () => {
  test("is of signed bytes", () => {
    expect(dot4(0x01020304, 0x01010101)).toBe(10);
    expect(dot4(0xff000000, 0x7f000000)).toBe(-127);
    expect(dot4(0x80808080, 0x80808080)).toBe(65_536);
  });

  test("makes chains that do not run into each other or into a fixed point", () => {
    const ends = Array.from({ length: 500 }, (_, i) => dot8Chain(i, 64, 0x7f3a91c5));
    expect(new Set(ends).size).toBe(500);
    expect(dot8Chain(1, 64, 5)).not.toBe(dot8Chain(1, 65, 5));
  });
});
