import { type ChainDesign, chainKernel, chainVariants } from "./alu-chain.ts";
import { scatter } from "./scatter.ts";
import { asHalves, halfBits, halfValue } from "./half.ts";
import { asBytes, randomInt } from "./kernel.ts";
import type { Variant } from "./variant.ts";

const FEATURE = "shader-f16";
/** As the shader: two multiply-adds in a step, steps in a turn of its loop, chains in a vector. */
const FLOP_PER_STEP = 4;
const STEPS = 16;
const LANES = 4;

/** Multipliers a and b with a product of 1 or 3: the point comes back, and all of it is exact. */
const FACTORS = [
  [1, 1],
  [0.5, 2],
  [2, 0.5],
  [3, 1],
  [1, 3],
  [1.5, 2],
  [2, 1.5],
] as const;

/** Where one chain ends, exactly. */
export function f16Chain(start: number, steps: number, a: number, b: number): number {
  const bits = scatter(start);
  let x = (bits % 255) - 127;
  let y = (scatter(bits) % 255) - 127;
  for (let i = 0; i < steps; i++) {
    x -= a * y;
    y += b * x;
  }
  return y;
}

export const f16Design: ChainDesign = {
  name: "alu-f16",
  unit: "FLOP/s",
  purpose: "f16 multiply-adds in registers: the ceiling of f16 arithmetic without tensor cores",
  shader: "alu-f16.wgsl",
  measures: "f16-flop",
  lacks: ({ features }) => (features.includes(FEATURE) ? undefined : `no ${FEATURE}`),
  variants: (adapter) => chainVariants(adapter, [{ VECTORS: 2 }, { VECTORS: 4 }, { VECTORS: 1 }]),
  operationsPerIteration: (variant) => STEPS * FLOP_PER_STEP * LANES * vectorsOf(variant),
  wordsPerResult: (variant) => (LANES / 2) * vectorsOf(variant),
  operand: (random) => {
    const [a, b] = FACTORS[randomInt(random, FACTORS.length)] ?? FACTORS[0];
    return (halfBits(b) << 16) | halfBits(a);
  },
  // Turns that are no multiple of 3, after which every chain is where it began.
  sizes: {
    gpu: { count: 2 ** 22, iterations: 64 },
    software: { count: 2 ** 12, iterations: 32 },
    probe: { count: 2 ** 17, iterations: 64 },
  },
  findWrong: (run, result, words) => {
    const ends = asHalves(asBytes(words.slice()));
    const [a, b] = [halfValue(run.operand & 0xffff), halfValue(run.operand >>> 16)];
    for (const [i, end] of ends.entries()) {
      const start = (result * ends.length + i + run.seed) | 0;
      const expected = f16Chain(start, run.iterations * STEPS, a, b);
      // As numbers: a device may end at -0 where the host ends at 0.
      if (!(end - expected === 0)) return `chain ${i} ended at ${end}, not ${expected}`;
    }
    return undefined;
  },
};

/** f16 multiply-adds in registers: the ceiling of f16 arithmetic. */
export const aluF16Kernel = chainKernel(f16Design);

function vectorsOf(variant: Variant): number {
  return variant["VECTORS"] ?? 2;
}
