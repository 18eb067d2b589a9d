import { type ProbeDevice, runOnce } from "../device.ts";
import type { AdapterDescription, KernelJob } from "../protocol.ts";
import { asHalves } from "./half.ts";
import {
  asFloats,
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
import {
  F16,
  F32,
  filledProduct,
  type Product,
  requireAll,
  requireSides,
  type Sides,
} from "./product.ts";
import { lacksTensor, lanesOf, tensorConfigs } from "./tensor-config.ts";
import type { Build, Variant } from "./variant.ts";

const NAME = "matmul-tensor";
const SHAPE = 0;
const A = 1;
const B = 2;
export const TENSOR_PRODUCT = 3;
const HALF_BYTES = 2;
const FILL_WORKGROUP = 64;
const SUMS = "alias sum_element = f32;";
/** Of what the device fills in: exact in f16. */
const BITS = 11;
/** Matrices of sums in a row of a subgroup's block. */
const SUMS_ACROSS = 4;

const SIDE: Record<Scale, number> = { gpu: 4096, software: 128, probe: 1024 };
/** Sums in f16 of more terms than this say little: their rounding outgrows them. */
const MOST_F16_TERMS = 256;

/** Subgroups and their blocks, from large to small tiles. */
const TILINGS = [
  { ACROSS: 2, DOWN: 2, ROWS: 4 },
  { ACROSS: 2, DOWN: 4, ROWS: 4 },
  { ACROSS: 2, DOWN: 4, ROWS: 2 },
  { ACROSS: 2, DOWN: 2, ROWS: 2 },
] as const;

/** Whether sums are kept in f32 or, where the adapter has nothing better, in f16. */
export type SumType = "f32" | "f16";

export function sumTypeOf(adapter: AdapterDescription): SumType {
  return tensorConfigs(adapter, "f32").length > 0 ? "f32" : "f16";
}

/** The shader's text for sums of this type. */
export function withSums(code: string, sums: SumType): string {
  if (!code.includes(SUMS)) throw new RangeError(`the shader has no line "${SUMS}"`);
  return code.replace(SUMS, `alias sum_element = ${sums};`);
}

export function tensorTile(variant: Variant): Tile {
  const { M = 16, N = 16, LANES = 32, ACROSS = 2, DOWN = 2, ROWS = 4 } = variant;
  return {
    rows: DOWN * ROWS * M,
    columns: ACROSS * SUMS_ACROSS * N,
    invocations: ACROSS * DOWN * LANES,
    storageBytes: 0,
  };
}

/** How far the matrices reach in memory: whole tiles of C, whole steps of k. */
export interface Padded {
  rows: number;
  pitchA: number;
  pitchB: number;
}

export function padded({ m, n, k }: Sides, variant: Variant): Padded {
  const { K = 16 } = variant;
  const { rows, columns } = tensorTile(variant);
  return {
    rows: Math.ceil(m / rows) * rows,
    pitchA: Math.max(1, Math.ceil(k / K)) * K,
    pitchB: Math.ceil(n / columns) * columns,
  };
}

/** A product of two matrices that the device fills in by the seed. */
export function tensorJob(build: Build, sums: SumType, sides: Sides, seed: number): KernelJob {
  requireSides(sides);
  const { m, n, k } = sides;
  const { rows, pitchA, pitchB } = padded(sides, build.variant);
  const code = withSums(build.code, sums);
  const shape = Uint32Array.of(m, n, k, seed);
  const fill = (entryPoint: string, binding: number, elements: number) => ({
    code,
    entryPoint,
    workgroups: gridOf(Math.ceil(elements / 2 / FILL_WORKGROUP)),
    bindings: [SHAPE, binding],
  });
  const sizeOfC = rows * pitchB * sumBytes(sums);
  return {
    label: NAME,
    code,
    entryPoint: "multiply",
    workgroups: gridFor(sides, tensorTile(build.variant)),
    buffers: [
      uniformBlock(SHAPE, shape),
      { binding: A, kind: "read", sizeBytes: rows * pitchA * HALF_BYTES },
      { binding: B, kind: "read", sizeBytes: pitchA * pitchB * HALF_BYTES },
      { binding: TENSOR_PRODUCT, kind: "read-write", sizeBytes: sizeOfC, fill: POISON },
    ],
    setup: [fill("fill_a", A, rows * pitchA), fill("fill_b", B, pitchA * pitchB)],
  };
}

/** The product that `fill_a` and `fill_b` prepare: rows of the matrices lie a pitch apart. */
export function tensorProduct(sides: Sides, seed: number, { pitchA, pitchB }: Padded): Product {
  const { n, k } = sides;
  const { a, b } = filledProduct(sides, seed, BITS);
  return {
    ...sides,
    a: (index) => a(Math.floor(index / k) * pitchA + (index % k)),
    b: (index) => b(Math.floor(index / n) * pitchB + (index % n)),
  };
}

/** f16 products on tensor cores, summed in f32: as in the training of networks. */
export const matmulTensorKernel: Kernel = {
  name: NAME,
  family: "matmul",
  unit: "FLOP/s",
  purpose: "f16 matrix product on tensor cores, as in the training and inference of networks",
  shader: "matmul-tensor.wgsl",
  cost: { "tensor-flop": 1 },
  lacks: (adapter) => lacksTensor(adapter, ["f32", "f16"]),
  variants,
  verify,
  workload,
};

function variants(adapter: AdapterDescription): readonly [Variant, ...Variant[]] {
  const LANES = lanesOf(adapter) ?? 0;
  const shapes = tensorConfigs(adapter, sumTypeOf(adapter)).map(({ m: M, n: N, k: K }) => ({
    M,
    N,
    K,
  }));
  const all = shapes.flatMap((shape) => TILINGS.map((tiling) => ({ ...shape, LANES, ...tiling })));
  return fitting(adapter, all, tensorTile);
}

async function verify(device: ProbeDevice, build: Build, random: Random): Promise<void> {
  const { K = 16 } = build.variant;
  const { rows, columns } = tensorTile(build.variant);
  const sums = sumTypeOf(device.adapter);
  const below = (most: number): number => 1 + randomInt(random, most);
  const cases: Sides[] = [
    { m: 1, n: 1, k: 1 },
    { m: 3, n: 4, k: 0 },
    { m: rows, n: columns, k: K },
    { m: rows + 1, n: columns + 1, k: 2 * K + 1 },
    { m: below(40), n: below(40), k: below(5 * K) },
  ];
  for (const sides of cases) {
    const seed = randomInt(random, 2 ** 32);
    const job = tensorJob(build, sums, sides, seed);
    const [bytes = new Uint8Array()] = await runOnce(device, job, [TENSOR_PRODUCT]);
    const layout = padded(sides, build.variant);
    const product = tensorProduct(sides, seed, layout);
    requireAll(NAME, product, cropped(asSums(bytes, sums), sides, layout), summationOf(sums));
  }
}

function workload({ build, scale, adapter, random }: WorkloadContext): Workload {
  const sums = sumTypeOf(adapter);
  const side = limitedSide(SIDE[scale], adapter, sumBytes("f32"));
  const k = sums === "f32" ? side : Math.min(side, MOST_F16_TERMS);
  const sides = { m: side, n: side, k };
  const seed = randomInt(random, 2 ** 32);
  const layout = padded(sides, build.variant);
  const pitchBytes = layout.pitchB * sumBytes(sums);
  return {
    job: tensorJob(build, sums, sides, seed),
    workPerDispatch: 2 * side * side * k,
    check: (read) =>
      checkRows(NAME, tensorProduct(sides, seed, layout), random, summationOf(sums), async (row) =>
        asSums(await read(TENSOR_PRODUCT, rowRange(row, pitchBytes)), sums),
      ),
  };
}

/** C without its padding. */
function cropped(values: ArrayLike<number>, { m, n }: Sides, { pitchB }: Padded): Float32Array {
  return Float32Array.from(
    { length: m * n },
    (_, i) => values[Math.floor(i / n) * pitchB + (i % n)] ?? Number.NaN,
  );
}

function summationOf(sums: SumType) {
  return { within: sums === "f32" ? F32 : F16 };
}

function sumBytes(sums: SumType): number {
  return sums === "f32" ? 4 : HALF_BYTES;
}

function asSums(bytes: Uint8Array, sums: SumType): ArrayLike<number> {
  return sums === "f32" ? asFloats(bytes) : asHalves(bytes);
}
