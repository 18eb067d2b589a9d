import { type ChainDesign, chainKernel, chainVariants } from "./alu-chain.ts";
import { scatter } from "./scatter.ts";
import { randomInt } from "./kernel.ts";
import type { Variant } from "./variant.ts";

const FEATURE = "packed_4x8_integer_dot_product";
/** As the shader: four products and four additions twice in a step, chains in a vector. */
const OPERATIONS_PER_STEP = 16;
const STEPS = 16;
const LANES = 4;

/** The dot product of two words as four signed bytes each. */
export function dot4(one: number, other: number): number {
  let sum = 0;
  for (let shift = 0; shift < 32; shift += 8) {
    sum += ((one << (24 - shift)) >> 24) * ((other << (24 - shift)) >> 24);
  }
  return sum;
}

/** Where one chain ends, as 32 bits. */
export function dot8Chain(start: number, steps: number, key: number): number {
  let x = scatter(start) | 0;
  let y = scatter(x) | 0;
  for (let i = 0; i < steps; i++) {
    x = (x + dot4(y, key)) | 0;
    y = (y + dot4(x, key)) | 0;
  }
  return y >>> 0;
}

export const dot8Design: ChainDesign = {
  name: "alu-dot8",
  unit: "op/s",
  purpose: "packed 8-bit dot products in registers: the ceiling of 8-bit integer arithmetic",
  shader: "alu-dot8.wgsl",
  measures: "int8-op",
  lacks: ({ languageFeatures }) =>
    languageFeatures.includes(FEATURE) ? undefined : `no ${FEATURE}`,
  variants: (adapter) => chainVariants(adapter, [{ VECTORS: 2 }, { VECTORS: 1 }]),
  operationsPerIteration: (variant) => STEPS * OPERATIONS_PER_STEP * LANES * vectorsOf(variant),
  wordsPerResult: (variant) => LANES * vectorsOf(variant),
  // Four bytes that are not 0.
  operand: (random) =>
    [0, 8, 16, 24].reduce((key, shift) => (key | ((1 + randomInt(random, 255)) << shift)) >>> 0, 0),
  sizes: {
    gpu: { count: 2 ** 22, iterations: 64 },
    software: { count: 2 ** 10, iterations: 8 },
    probe: { count: 2 ** 17, iterations: 64 },
  },
  findWrong: (run, result, words) => {
    for (const [i, end] of words.entries()) {
      const start = (result * words.length + i + run.seed) | 0;
      const expected = dot8Chain(start, run.iterations * STEPS, run.operand);
      if (end !== expected) return `chain ${i} ended at ${end}, not ${expected}`;
    }
    return undefined;
  },
};

/** Packed 8-bit dot products in registers: the ceiling of 8-bit arithmetic. */
export const aluDot8Kernel = chainKernel(dot8Design);

function vectorsOf(variant: Variant): number {
  return variant["VECTORS"] ?? 2;
}
