import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOnce } from "../../../src/probe/device.ts";
import { asFloats, asWords } from "../../../src/probe/kernels/kernel.ts";
import { copyDesign, memoryCopyKernel } from "../../../src/probe/kernels/memory-copy.ts";
import { streamJob } from "../../../src/probe/kernels/memory-stream.ts";
import { memoryTriadKernel, triadDesign } from "../../../src/probe/kernels/memory-triad.ts";
import { buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import {
  expectChecked,
  expectFound,
  firstBuild,
  type KernelRig,
  openRig,
} from "../../support/kernel-rig.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const KERNELS = [memoryCopyKernel, memoryTriadKernel] as const;

describe.skipIf(why !== undefined)(`streams on the software adapter${skipped}`, () => {
  let rig: KernelRig;
  beforeAll(async () => {
    rig = await openRig();
  });
  afterAll(() => rig?.close());

  describe.each(KERNELS)("$name", (kernel) => {
    test("passes its own verification in every variant of the adapter", async () => {
      const code = await readShader(kernel.shader);
      const variants = kernel.variants(rig.device.adapter);
      expect(variants.length).toBeGreaterThan(1);
      for (const variant of variants) {
        const verified = kernel.verify(rig.device, buildOf(code, variant), seeded(1));
        await expect(verified).resolves.toBeUndefined();
      }
    }, 120_000);

    test("is a workload whose result is checked", async () => {
      await expect(expectChecked(rig.device, kernel)).resolves.toBeUndefined();
    });

    test("counts every byte that is read and every byte that is written", async () => {
      const { adapter } = rig.device;
      const build = await firstBuild(kernel, adapter);
      const { job, workPerDispatch } = kernel.workload({
        build,
        scale: "software",
        adapter,
        random: seeded(1),
      });
      const streams = job.buffers.filter(({ kind }) => kind !== "uniform");
      expect(workPerDispatch).toBe(streams.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    });
  });

  test("a copy is the source, and a triad the sum that the CPU makes of its inputs", async () => {
    const run = { words: 1003, seed: 4, factor: 3 };
    const copy = streamJob(copyDesign, await firstBuild(memoryCopyKernel, rig.device.adapter), run);
    const [source = new Uint8Array(), copied = new Uint8Array()] = await runOnce(
      rig.device,
      copy,
      [1, 2],
    );
    expect(asWords(copied).subarray(0, 1003)).toEqual(asWords(source).subarray(0, 1003));
    expect(new Set(asWords(source)).size).toBe(1004);

    const build = await firstBuild(memoryTriadKernel, rig.device.adapter);
    const read = await runOnce(rig.device, streamJob(triadDesign, build, run), [1, 2, 3]);
    const [a, b, c] = read.map((bytes) => asFloats(bytes).subarray(0, 1003));
    expect(a).toEqual(b?.map((value, i) => value + 3 * (c?.[i] ?? Number.NaN)));
  });

  test("gives the same without the device's own bounds checks", async () => {
    for (const [kernel, design] of [
      [memoryCopyKernel, copyDesign],
      [memoryTriadKernel, triadDesign],
    ] as const) {
      const build = await firstBuild(kernel, rig.device.adapter);
      const job = streamJob(design, build, { words: 9001, seed: 5, factor: 2 });
      const [checked, unchecked] = [
        await runOnce(rig.device, job, [design.output]),
        await runOnce(rig.unchecked, job, [design.output]),
      ];
      expect(unchecked).toEqual(checked);
    }
  });

  test.each([
    ["a tile that is never stored", "memory-copy", "copied[at + 2 * WORKGROUP] = v2;", ""],
    ["two tiles swapped", "memory-copy", "let v1 = source[at + WORKGROUP]", "let v1 = source[at]"],
    ["a ragged end left out", "memory-copy", "i < params.words % 4", "i + 1 < params.words % 4"],
    ["a ragged end filled up", "memory-copy", "i < params.words % 4", "i < 4"],
    [
      "a vector too few",
      "memory-copy",
      "if (at < params.words / 4)",
      "if (at + 1 < params.words / 4)",
    ],
    [
      "rows numbered alike",
      "memory-copy",
      "groups.x + group.x) * WORKGROUP * LOADS",
      "0 + group.x) * WORKGROUP * LOADS",
    ],
    ["a factor left out", "memory-triad", "vec4f(params.factor), c, b", "vec4f(1), c, b"],
    ["the other order", "memory-triad", "vec4f(params.factor), c, b", "vec4f(params.factor), b, c"],
    [
      "a wrong partner",
      "memory-triad",
      "let c3 = c[at + 3 * WORKGROUP]",
      "let c3 = c[at + 2 * WORKGROUP]",
    ],
    [
      "half the precision",
      "memory-triad",
      "let b0 = b[at];",
      "let b0 = quantizeToF16(b[at] / 65536) * 65536;",
    ],
    ["a ragged end filled up", "memory-triad", "i < params.words % 4", "i < 4"],
  ])("%s is found in %s", async (_, name, from, to) => {
    const kernel = name === "memory-copy" ? memoryCopyKernel : memoryTriadKernel;
    await expect(expectFound(rig.device, kernel, from, to)).resolves.toBeUndefined();
  });
});
