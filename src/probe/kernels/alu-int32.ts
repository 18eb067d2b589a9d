import { type ChainDesign, chainKernel, type ChainRun, chainVariants } from "./alu-chain.ts";
import { randomInt } from "./kernel.ts";
import { scatter } from "./scatter.ts";

/** As the shader: counted in a step, steps in a turn of its loop, chains in a vector. */
const OPERATIONS_PER_STEP = 11;
const STEPS = 16;
const LANES = 4;

/** Where one chain ends, by the CPU. */
export function int32Chain(start: number, steps: number, operand: number): number {
  let e = scatter(start);
  let f = scatter(e);
  let g = scatter(f);
  let h = scatter(g);
  for (let i = 0; i < steps; i++) {
    const sigma = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const choice = g ^ (e & (f ^ g));
    [e, f, g, h] = [(h + sigma + choice + operand) | 0, e, f, g];
  }
  return e >>> 0;
}

export const int32Design: ChainDesign = {
  name: "alu-int32",
  unit: "op/s",
  purpose:
    "32-bit integer operations as hashes have them, in registers: the ceiling of hash-like work",
  shader: "alu-int32.wgsl",
  measures: "int32-op",
  lacks: () => undefined,
  variants: (adapter) => chainVariants(adapter, [{ VECTORS: 1 }, { VECTORS: 2 }]),
  operationsPerIteration: (variant) => STEPS * OPERATIONS_PER_STEP * LANES * vectorsOf(variant),
  wordsPerResult: (variant) => LANES * vectorsOf(variant),
  operand: (random) => randomInt(random, 2 ** 32),
  sizes: {
    gpu: { count: 2 ** 22, iterations: 32 },
    software: { count: 2 ** 12, iterations: 16 },
    probe: { count: 2 ** 17, iterations: 32 },
  },
  findWrong: (run, result, words) => {
    for (const [i, word] of words.entries()) {
      const expected = int32Chain(
        startOf(run, result, words.length, i),
        run.iterations * STEPS,
        run.operand,
      );
      if (word !== expected) return `chain ${i} ended at ${word}, not ${expected}`;
    }
    return undefined;
  },
};

/** Integer operations in registers: the ceiling of hash-like work. */
export const aluInt32Kernel = chainKernel(int32Design);

function startOf({ seed }: ChainRun, result: number, perResult: number, chain: number): number {
  return (result * perResult + chain + seed) | 0;
}

function vectorsOf(variant: Readonly<Record<string, number>>): number {
  return variant["VECTORS"] ?? 1;
}

function rotateRight(x: number, bits: number): number {
  return (x >>> bits) | (x << (32 - bits));
}
