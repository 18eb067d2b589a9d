import { type ChainDesign, chainKernel, chainVariants } from "./alu-chain.ts";
import type { Random } from "./kernel.ts";
import { scatter } from "./scatter.ts";

/** As the shader: two multiply-adds in a step, steps in a turn of its loop, chains in a vector. */
const FLOP_PER_STEP = 4;
const STEPS = 16;
const LANES = 4;

/** Spacing of f32 at 1. WGSL lets + and * round either way, so one operation errs by up to this. */
const EPSILON = 2 ** -23;
/** Smallest normal f32: WGSL lets a device flush what is below to 0. */
const SMALLEST_NORMAL = 2 ** -126;

/** The point where a chain starts; both coordinates in [1, 2). */
export function f32Start(start: number): [x: number, y: number] {
  const bits = scatter(start);
  return [unitFloat(bits), unitFloat(scatter(bits))];
}

export interface ChainEnd {
  value: number;
  /** How far f32 may be off, whether it rounds once in a multiply-add or twice. */
  tolerance: number;
}

/**
 * Where one chain ends, in float64, with `a` of (0, 2).
 *
 * A step keeps Q = x² - a x y + y² as it is, and Q bounds both coordinates by R = √(Q / (1 - a²/4)).
 * A multiply-add errs by at most ε (1 + a) R, even when it rounds twice, and an error of d adds no
 * more than d to the √Q of all errors, which steps keep as well. After n steps of two, y is off by
 * at most T R with T = 2 n ε (1 + a) / √(1 - a²/4); that R itself may have grown so, makes it
 * T R / (1 - T).
 */
export function f32Chain(start: number, steps: number, a: number): ChainEnd {
  let [x, y] = f32Start(start);
  const slant = Math.sqrt(1 - a ** 2 / 4);
  const radius = Math.sqrt(x * x - a * x * y + y * y) / slant;
  for (let i = 0; i < steps; i++) {
    x -= a * y;
    y += a * x;
  }
  const share = (2 * steps * EPSILON * (1 + a)) / slant;
  const rounding = (share * radius) / (1 - share);
  return { value: y, tolerance: rounding + (4 * steps * SMALLEST_NORMAL) / slant };
}

export const f32Design: ChainDesign = {
  name: "alu-f32",
  unit: "FLOP/s",
  purpose: "f32 multiply-adds in registers: the ceiling of f32 arithmetic",
  shader: "alu-f32.wgsl",
  measures: "f32-flop",
  lacks: () => undefined,
  variants: (adapter) => chainVariants(adapter, [{ VECTORS: 2 }, { VECTORS: 1 }]),
  operationsPerIteration: (variant) => STEPS * FLOP_PER_STEP * LANES * vectorsOf(variant),
  wordsPerResult: (variant) => LANES * vectorsOf(variant),
  operand: (random) => bitsOf(randomFactor(random)),
  sizes: {
    gpu: { count: 2 ** 22, iterations: 64 },
    software: { count: 2 ** 12, iterations: 32 },
    probe: { count: 2 ** 17, iterations: 64 },
  },
  findWrong: (run, result, words) => {
    const ends = new Float32Array(words.slice().buffer);
    const a = floatOf(run.operand);
    for (const [i, end] of ends.entries()) {
      const start = (result * words.length + i + run.seed) | 0;
      const { value, tolerance } = f32Chain(start, run.iterations * STEPS, a);
      if (!(Math.abs(end - value) <= tolerance))
        return `chain ${i} ended at ${end}, not ${value} ± ${tolerance}`;
    }
    return undefined;
  },
};

/** Multiply-adds in registers: the ceiling of f32 arithmetic. */
export const aluF32Kernel = chainKernel(f32Design);

function vectorsOf(variant: Readonly<Record<string, number>>): number {
  return variant["VECTORS"] ?? 2;
}

/** The shader's own way: 23 bits as the mantissa of a number in [1, 2). */
function unitFloat(bits: number): number {
  return 1 + (bits >>> 9) * EPSILON;
}

/** An f32 in [0.5, 1): turns by 29 to 60 degrees, so that a missing step is far off. */
function randomFactor(random: Random): number {
  return Math.min(Math.fround(0.5 + random() / 2), 1 - 2 ** -24);
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0] ?? Number.NaN;
}
