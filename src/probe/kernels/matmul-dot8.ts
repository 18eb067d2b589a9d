import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import {
  asWords,
  gridOf,
  type Kernel,
  POISON,
  type Random,
  randomInt,
  type Scale,
  type Workload,
  type WorkloadContext,
  uniformBlock,
} from "./kernel.ts";
import { checkRows, rowRange } from "./matmul-check.ts";
import { fitting, gridFor, limitedSide, type Tile } from "./matmul-tiles.ts";
import { type Product, requireAll, requireSides, type Sides, type Summation } from "./product.ts";
import { scatter } from "./scatter.ts";
import type { Build, Variant } from "./variant.ts";

const NAME = "matmul-dot8";
const FEATURE = "packed_4x8_integer_dot_product";
const SHAPE = 0;
const A = 1;
const B = 2;
export const DOT8_PRODUCT = 3;

const STEPS_PER_QUAD = 16;
const QUAD_BYTES = 16;
const WORD_BYTES = 4;
const FILL_WORKGROUP = 64;

const SIDE: Record<Scale, number> = { gpu: 4096, software: 192, probe: 1024 };

/** Integers do not round: sums of fewer than 131,072 products of two bytes stay in 32 bits. */
export const EXACT: Summation = { within: { epsilon: 0, smallestNormal: 0 } };

/** Tile shapes from large to small; each invocation brings one quad of A and one of B. */
const TILES: readonly Variant[] = [
  { ACROSS: 16, DOWN: 16, ROWS: 8, VECTORS: 2, DEPTH: 2 },
  { ACROSS: 16, DOWN: 16, ROWS: 4, VECTORS: 1, DEPTH: 4 },
  { ACROSS: 8, DOWN: 8, ROWS: 4, VECTORS: 1, DEPTH: 2 },
];

export function dot8Tile(variant: Variant): Tile {
  const { ACROSS = 16, DOWN = 16, ROWS = 8, VECTORS = 2, DEPTH = 2 } = variant;
  const rows = DOWN * ROWS;
  const columns = ACROSS * 4 * VECTORS;
  return {
    rows,
    columns,
    invocations: ACROSS * DOWN,
    storageBytes: 2 * (rows + columns) * (DEPTH + 1) * QUAD_BYTES,
  };
}

/** A product of two matrices that the device fills in by the seed. */
export function dot8Job(build: Build, sides: Sides, seed: number): KernelJob {
  requireSides(sides);
  const { m, n, k } = sides;
  const { code, variant } = build;
  const shape = Uint32Array.of(m, n, k, seed);
  const quads = Math.ceil(k / STEPS_PER_QUAD);
  const matrix = (binding: number, rows: number): BufferSpec => ({
    binding,
    kind: "read",
    sizeBytes: Math.max(1, rows * quads) * QUAD_BYTES,
  });
  const fill = (entryPoint: string, binding: number, rows: number) => ({
    code,
    entryPoint,
    workgroups: gridOf(Math.ceil((rows * quads) / FILL_WORKGROUP)),
    bindings: [SHAPE, binding],
  });
  return {
    label: NAME,
    code,
    entryPoint: "multiply",
    workgroups: gridFor(sides, dot8Tile(variant)),
    buffers: [
      uniformBlock(SHAPE, shape),
      matrix(A, m),
      matrix(B, n),
      { binding: DOT8_PRODUCT, kind: "read-write", sizeBytes: m * n * WORD_BYTES, fill: POISON },
    ],
    setup: k === 0 ? [] : [fill("fill_a", A, m), fill("fill_b", B, n)],
  };
}

/** The product that `fill_a` and `fill_b` prepare for a seed. */
export function dot8Product(sides: Sides, seed: number): Product {
  const { n, k } = sides;
  const words = Math.ceil(k / STEPS_PER_QUAD) * (STEPS_PER_QUAD / 4);
  const element = (row: number, step: number, matrixSeed: number): number => {
    const word = scatter((row * words + Math.floor(step / 4)) ^ matrixSeed);
    return (word << (24 - 8 * (step % 4))) >> 24;
  };
  const seedA = scatter(seed);
  const seedB = scatter(~seed);
  return {
    ...sides,
    a: (index) => element(Math.floor(index / k), index % k, seedA),
    b: (index) => element(index % n, Math.floor(index / n), seedB),
  };
}

/** Packed 8-bit integers: dot products of four, as in quantised inference without tensor cores. */
export const matmulDot8Kernel: Kernel = {
  name: NAME,
  family: "matmul",
  unit: "op/s",
  purpose: "8-bit integer matrix product by packed dot products, as in quantised inference",
  shader: "matmul-dot8.wgsl",
  cost: { "int8-op": 1 },
  lacks: ({ languageFeatures }) =>
    languageFeatures.includes(FEATURE) ? undefined : `no ${FEATURE}`,
  variants: (adapter) => fitting(adapter, TILES, dot8Tile),
  verify,
  workload,
};

async function verify(device: ProbeDevice, build: Build, random: Random): Promise<void> {
  const { rows, columns } = dot8Tile(build.variant);
  const { DEPTH = 2 } = build.variant;
  const steps = DEPTH * STEPS_PER_QUAD;
  const below = (most: number): number => 1 + randomInt(random, most);
  const cases: Sides[] = [
    { m: 1, n: 1, k: 1 },
    { m: 3, n: 4, k: 0 },
    { m: rows, n: columns, k: steps },
    { m: rows + 1, n: columns - 1, k: 2 * steps + 17 },
    { m: below(40), n: 2 * columns + 3, k: 1 },
    { m: below(40), n: below(40), k: below(3 * steps) },
  ];
  for (const sides of cases) {
    const seed = randomInt(random, 2 ** 32);
    const [bytes = new Uint8Array()] = await runOnce(device, dot8Job(build, sides, seed), [
      DOT8_PRODUCT,
    ]);
    requireAll(NAME, dot8Product(sides, seed), asIntegers(bytes), EXACT);
  }
}

function workload({ build, scale, adapter, random }: WorkloadContext): Workload {
  const side = limitedSide(SIDE[scale], adapter, WORD_BYTES);
  const sides = { m: side, n: side, k: side };
  const seed = randomInt(random, 2 ** 32);
  const product = dot8Product(sides, seed);
  return {
    job: dot8Job(build, sides, seed),
    workPerDispatch: 2 * side ** 3,
    check: (read) =>
      checkRows(NAME, product, random, EXACT, async (row) =>
        asIntegers(await read(DOT8_PRODUCT, rowRange(row, side * WORD_BYTES))),
      ),
  };
}

export function asIntegers(bytes: Uint8Array): Int32Array {
  return new Int32Array(asWords(bytes).buffer);
}
