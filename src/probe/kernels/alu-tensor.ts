import type { AdapterDescription } from "../protocol.ts";
import { type ChainDesign, chainKernel, type ChainRun, chainVariants } from "./alu-chain.ts";
import { scatter } from "./scatter.ts";
import { asFloats, asBytes, randomInt } from "./kernel.ts";
import { lacksTensor, lanesOf, tensorConfigs } from "./tensor-config.ts";
import type { Variant } from "./variant.ts";

/** Of a turn of the shader's loop. */
const STEPS = 8;
const HALF_BYTES = 2;
const DEFAULT_STORAGE_BYTES = 16_384;

/** A subgroup's operands, row by row: SUMS left matrices, then the right one. */
export function tensorOperand(run: ChainRun, subgroup: number, index: number): number {
  const { M, K, SUMS, PART } = constants(run.variant);
  const bits = scatter((subgroup * PART + index + run.seed) | 0);
  return (bits % 3) + (index < SUMS * M * K ? run.operand : 0) - 1;
}

/** What a subgroup's chain of that number ends with at a row and column. */
export function tensorEnd(
  run: ChainRun,
  subgroup: number,
  chain: number,
  row: number,
  column: number,
): number {
  const { M, N, K, SUMS } = constants(run.variant);
  let product = 0;
  for (let i = 0; i < K; i++) {
    const left = tensorOperand(run, subgroup, chain * M * K + row * K + i);
    product += left * tensorOperand(run, subgroup, SUMS * M * K + i * N + column);
  }
  return product * run.iterations * STEPS;
}

export const tensorDesign: ChainDesign = {
  name: "alu-tensor",
  unit: "FLOP/s",
  purpose: "f16 products on tensor cores in registers: the ceiling of tensor-core arithmetic",
  shader: "alu-tensor.wgsl",
  measures: "tensor-flop",
  lacks: (adapter) => lacksTensor(adapter, ["f32"]),
  variants,
  operationsPerIteration: (variant) => {
    const { M, N, K, SUMS } = constants(variant);
    return STEPS * SUMS * 2 * M * N * K;
  },
  wordsPerResult: (variant) => {
    const { M, N, SUMS } = constants(variant);
    return SUMS * M * N;
  },
  invocationsPerResult: (variant) => constants(variant).LANES,
  operand: (random) => randomInt(random, 2),
  // The gpu's 2^14 subgroups are some hundred for every multiprocessor of a large GPU.
  sizes: {
    gpu: { count: 2 ** 14, iterations: 256 },
    software: { count: 16, iterations: 4 },
    probe: { count: 2 ** 12, iterations: 16 },
  },
  findWrong: (run, result, words) => {
    const { M, N } = constants(run.variant);
    for (const [i, end] of asFloats(asBytes(words.slice())).entries()) {
      const chain = Math.floor(i / (M * N));
      const row = Math.floor(i / N) % M;
      const expected = tensorEnd(run, result, chain, row, i % N);
      if (end !== expected) return `chain ${chain} ended at ${end}, not ${expected}`;
    }
    return undefined;
  },
};

/** Products of small matrices in registers: the ceiling of tensor-core arithmetic. */
export const aluTensorKernel = chainKernel(tensorDesign);

function variants(adapter: AdapterDescription): readonly [Variant, ...Variant[]] {
  const LANES = lanesOf(adapter);
  const storage = adapter.limits["maxComputeWorkgroupStorageSize"] ?? DEFAULT_STORAGE_BYTES;
  const shapes = tensorConfigs(adapter, "f32").map(({ m: M, n: N, k: K }) => ({ M, N, K }));
  if (LANES === undefined || shapes.length === 0) return [{}];
  const others = shapes.flatMap((shape) => [4, 2].map((SUMS) => ({ ...shape, LANES, SUMS })));
  const [first = {}, ...rest] = chainVariants(adapter, others).filter((variant) => {
    const { WORKGROUP, PART } = constants(variant);
    return WORKGROUP % LANES === 0 && (WORKGROUP / LANES) * PART * HALF_BYTES <= storage;
  });
  return [first, ...rest];
}

/** The shader's own, with its defaults. */
function constants(variant: Variant) {
  const { WORKGROUP = 256, LANES = 32, M = 16, N = 16, K = 16, SUMS = 4 } = variant;
  return { WORKGROUP, LANES, M, N, K, SUMS, PART: SUMS * M * K + K * N };
}
