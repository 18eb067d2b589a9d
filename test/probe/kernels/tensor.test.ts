import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../../src/probe/device.ts";
import { aluTensorKernel, tensorDesign, tensorEnd } from "../../../src/probe/kernels/alu-tensor.ts";
import { asHalves } from "../../../src/probe/kernels/half.ts";
import { asBytes, asWords } from "../../../src/probe/kernels/kernel.ts";
import {
  matmulTensorKernel,
  padded,
  sumTypeOf,
  tensorJob,
  tensorProduct,
  tensorTile,
  withSums,
} from "../../../src/probe/kernels/matmul-tensor.ts";
import { buildOf, type Variant } from "../../../src/probe/kernels/variant.ts";
import type { AdapterDescription, MatrixConfig } from "../../../src/probe/protocol.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { type Compile, compileOnly } from "../../support/compile-only.ts";
import { seeded } from "../../support/seeded.ts";
import { whyNoWebGpu } from "../../support/software-adapter.ts";
import { changed, softwareDevice } from "../../support/software-device.ts";

const why = await whyNoWebGpu();
const device: ProbeDevice | undefined = why === undefined ? await softwareDevice() : undefined;
afterAll(() => device?.close());
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const lacks = device ? matmulTensorKernel.lacks(device.adapter) : why;
const lacking = lacks === undefined ? "" : ` (skipped: ${lacks})`;

/** Of a device that is there: tests without one are skipped. */
function here(): ProbeDevice {
  if (!device) throw new Error("no device");
  return device;
}

const config = (m: number, n: number, k: number, types = "f16 f32"): MatrixConfig => {
  const [componentType = "", resultComponentType = ""] = types.split(" ");
  return { componentType, resultComponentType, m, n, k };
};
const adapter = (matrixConfigs: MatrixConfig[]): AdapterDescription => ({
  vendor: "",
  architecture: "",
  device: "",
  description: "",
  isFallbackAdapter: false,
  software: false,
  timestamps: true,
  features: ["chromium-experimental-subgroup-matrix", "subgroups", "shader-f16"],
  languageFeatures: [],
  subgroupSizes: [32, 32],
  matrixConfigs,
  limits: { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupSizeX: 1024 },
});
const usual = adapter([config(16, 8, 8), config(16, 16, 16), config(16, 8, 16)]);
const KERNELS = [matmulTensorKernel, aluTensorKernel] as const;

describe("what tensor cores need", () => {
  test.each(KERNELS)(
    "$name runs where all is there, and says what is not",
    ({ lacks: lacksOf }) => {
      expect(lacksOf(usual)).toBeUndefined();
      expect(lacksOf({ ...usual, features: ["subgroups"] })).toBe(
        "no chromium-experimental-subgroup-matrix, no shader-f16",
      );
      expect(lacksOf(adapter([config(8, 8, 8, "f32 f32")]))).toContain("no subgroup matrix of f16");
      expect(lacksOf({ ...usual, subgroupSizes: [8, 32] })).toContain("more than one size");
      expect(lacksOf({ ...usual, subgroupSizes: undefined })).toContain("more than one size");
    },
  );

  test("sums are in f32 where any shape has them, else in f16, which the ceiling does not take", () => {
    const narrow = adapter([config(16, 16, 16, "f16 f16")]);
    expect(sumTypeOf(usual)).toBe("f32");
    expect(sumTypeOf(narrow)).toBe("f16");
    expect(matmulTensorKernel.lacks(narrow)).toBeUndefined();
    expect(aluTensorKernel.lacks(narrow)).toContain("f32");
  });

  test("the usual shape comes first, then the larger", () => {
    for (const { variants } of KERNELS) {
      const shapes = variants(usual).map(({ M, N, K }) => `${M} ${N} ${K}`);
      expect([...new Set(shapes)]).toEqual(["16 16 16", "16 8 16", "16 8 8"]);
    }
    expect(matmulTensorKernel.variants(usual)[0]).toMatchObject({ LANES: 32, ROWS: 4 });
  });

  test("workgroups stay within the adapter's limits", () => {
    const limits = { maxComputeInvocationsPerWorkgroup: 128, maxComputeWorkgroupSizeX: 128 };
    const variants = matmulTensorKernel.variants({ ...usual, limits });
    expect(variants.length).toBeGreaterThan(1);
    expect(variants.every((variant) => tensorTile(variant).invocations <= 128)).toBe(true);
  });
});

describe("the shaders for tensor cores, by the compiler without a device", () => {
  let compile: Compile;
  let close: () => void;
  beforeAll(async () => ({ compile, close } = await compileOnly()));
  afterAll(() => close());
  // Its subgroups have up to 128 invocations, and its workgroups 16 KiB of shared memory.
  const limits = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256 };

  test("matmul-tensor is valid in every variant, with sums of either type", async () => {
    const code = await readShader(matmulTensorKernel.shader);
    for (const variant of matmulTensorKernel.variants({ ...usual, limits })) {
      for (const sums of ["f32", "f16"] as const) {
        const text = withSums(buildOf(code, variant).code, sums);
        expect(await compile(text, "multiply")).toBeUndefined();
        expect(await compile(text, "fill_a")).toBeUndefined();
        expect(await compile(text, "fill_b")).toBeUndefined();
      }
    }
  });

  test("matmul-tensor is not valid with the sides of a matrix confused", async () => {
    const code = changed(await readShader(matmulTensorKernel.shader), "<f16, K, M>", "<f16, M, K>");
    expect(await compile(buildOf(code, { K: 8 }).code, "multiply")).toBeDefined();
  });

  test("alu-tensor is valid in every variant", async () => {
    const code = await readShader(aluTensorKernel.shader);
    const variants = aluTensorKernel.variants({ ...usual, limits });
    const whole = variants.filter(({ WORKGROUP = 0 }) => WORKGROUP % 128 === 0);
    expect(whole.length).toBeGreaterThan(5);
    for (const variant of whole) {
      expect(await compile(buildOf(code, variant).code, "chain")).toBeUndefined();
    }
  });
});

/** The part of matmul-tensor that needs no tensor core, with an entry point that tells the places. */
async function places(variant: Variant): Promise<string> {
  const { code } = buildOf(await readShader(matmulTensorKernel.shader), variant);
  const constants = code.match(/^const .*$/gm)?.join("\n") ?? "";
  const [, rest = ""] = code.split("// ---- From here on");
  return `${constants}
    //${rest}
    @group(0) @binding(3) var<storage, read_write> out: array<vec4u>;
    @compute @workgroup_size(ACROSS * DOWN)
    fn tell(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) subgroup: u32) {
      let row = block_row(group, subgroup);
      let column = block_column(group, subgroup);
      out[(group.y * groups.x + group.x) * ACROSS * DOWN + subgroup] =
        vec4u(row, column, c_offset(row, column), a_offset(row, K) * 65536 + b_offset(K, column));
    }`;
}

describe.skipIf(why !== undefined)(
  `matmul-tensor's places on the software adapter${skipped}`,
  () => {
    const variant = { M: 8, N: 8, K: 8, LANES: 4, ACROSS: 2, DOWN: 2, ROWS: 2 };
    const sides = { m: 40, n: 70, k: 13 };
    const layout = padded(sides, variant);

    test("cover C, padded to whole tiles, exactly once", async () => {
      const job = tensorJob({ code: SUMS_LINE, variant }, "f32", sides, 5);
      const [across, down] = job.workgroups;
      const subgroups = across * down * 4;
      const out = { binding: 3, kind: "read-write", sizeBytes: 16 * subgroups } as const;
      const buffers = [...job.buffers.filter(({ binding }) => binding === 0), out];
      const code = await places(variant);
      const told = await runOnce(
        here(),
        { ...job, code, entryPoint: "tell", buffers, setup: [], bindings: [0, 3] },
        [3],
      );
      const words = asWords(told[0] ?? new Uint8Array());
      const covered = new Uint8Array(layout.rows * layout.pitchB);
      for (let i = 0; i < subgroups; i++) {
        const [row = 0, column = 0, offset, next] = words.subarray(4 * i, 4 * i + 4);
        expect(offset).toBe(row * layout.pitchB + column);
        expect(next).toBe((row * layout.pitchA + 8) * 65_536 + 8 * layout.pitchB + column);
        for (let r = row; r < row + 16; r++)
          for (let c = column; c < column + 32; c++) {
            const element = r * layout.pitchB + c;
            covered[element] = (covered[element] ?? 0) + 1;
          }
      }
      expect(covered.every((times) => times === 1)).toBe(true);
      expect(layout).toEqual({ rows: 64, pitchA: 16, pitchB: 128 });
    });

    test("are filled with the host's halves, and with zeros outside the matrices", async () => {
      const code = await places(variant);
      const job = tensorJob({ code: SUMS_LINE, variant }, "f32", sides, 5);
      for (const [i, step] of (job.setup ?? []).entries()) {
        const binding = 1 + i;
        const buffers = job.buffers
          .filter((buffer) => step.bindings?.includes(buffer.binding))
          .map((buffer) => (buffer.binding ? { ...buffer, kind: "read-write" as const } : buffer));
        const [bytes] = await runOnce(here(), { label: "fill", ...step, code, buffers }, [binding]);
        const values = asHalves(bytes ?? new Uint8Array());
        const product = tensorProduct(sides, 5, layout);
        const [rows, columns, pitch, element] =
          binding === 1
            ? [sides.m, sides.k, layout.pitchA, product.a]
            : [sides.k, sides.n, layout.pitchB, product.b];
        const wrong = [...values.entries()].filter(([at, value]) => {
          const [row, column] = [Math.floor(at / pitch), at % pitch];
          const isInside = row < rows && column < columns;
          return value !== (isInside ? element(row * columns + column) : 0);
        });
        expect(wrong).toEqual([]);
      }
    });
  },
);

const SUMS_LINE = "alias sum_element = f32;";

describe("the chains of tensor cores", () => {
  const variant = { WORKGROUP: 64, LANES: 32, M: 8, N: 8, K: 8, SUMS: 2 };
  const run = { count: 3, iterations: 2, seed: 5, operand: 1, variant };
  const right = Float32Array.from({ length: 128 }, (_, i) =>
    tensorEnd(run, 1, Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8),
  );
  const wrongOf = (ends: Float32Array, of = run) =>
    tensorDesign.findWrong(of, 1, asWords(asBytes(ends)));

  test("are found right, and wrong where one element, turn, seed or operand is", () => {
    expect(wrongOf(right)).toBeUndefined();
    expect(wrongOf(right.map((value, i) => (i === 77 ? value + 1 : value)))).toContain("chain 1");
    expect(wrongOf(right, { ...run, iterations: 3 })).toBeDefined();
    expect(wrongOf(right, { ...run, seed: 6 })).toBeDefined();
    expect(wrongOf(right, { ...run, operand: 0 })).toBeDefined();
    expect(wrongOf(new Float32Array(128).fill(Number.NaN))).toBeDefined();
  });

  test("stay exact in f32 at every scale and shape", () => {
    for (const { iterations } of Object.values(tensorDesign.sizes)) {
      expect(2 * 32 * iterations * 8).toBeLessThan(2 ** 24);
    }
  });
});

describe.each(KERNELS)("$name", (kernel) => {
  test.skipIf(lacks !== undefined)(`passes its own verification${lacking}`, async () => {
    const code = await readShader(kernel.shader);
    for (const variant of kernel.variants(here().adapter)) {
      const verified = kernel.verify(here(), buildOf(code, variant), seeded(1));
      await expect(verified).resolves.toBeUndefined();
    }
  });
});
