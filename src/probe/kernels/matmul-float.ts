import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import {
  asBytes,
  asFloats,
  gridOf,
  POISON,
  type Random,
  randomInt,
  type Scale,
  type Workload,
  type WorkloadContext,
  uniformBlock,
} from "./kernel.ts";
import { checkRows, rowRange } from "./matmul-check.ts";
import { gridFor, limitedSide, type Tile } from "./matmul-tiles.ts";
import {
  filledProduct,
  type FloatProduct,
  requireAll,
  requireSides,
  type Sides,
  type Summation,
} from "./product.ts";
import type { Build, Variant } from "./variant.ts";

/** The host side of `matmul-f32.wgsl`, of whatever element: bindings, tiles, jobs. */
const SHAPE = 0;
const A = 1;
const B = 2;
export const PRODUCT = 3;

const FILL_WORKGROUP = 64;
const BYTES_OF_F32 = 4;

/** What tells the instances of the shader apart. */
export interface FloatDesign {
  name: string;
  elementBytes: 4 | 2;
  /** Bits of the elements that the device fills in. */
  bits: number;
  /** The shader's text for this element. */
  specialise(code: string): string;
  summation(variant: Variant): Summation;
  sides: Readonly<Record<Scale, number>>;
}

/**
 * Tile shapes from large to small: the more an invocation keeps, the less is read for it. Of the two
 * of 64 x 64 the one with four times the invocations comes first, as it hides waiting better where
 * workgroups are few.
 */
export const FLOAT_TILES: readonly Variant[] = [
  { ACROSS: 16, DOWN: 16, ROWS: 8, QUADS: 2, DEPTH: 16 },
  { ACROSS: 16, DOWN: 16, ROWS: 8, QUADS: 2, DEPTH: 8 },
  { ACROSS: 16, DOWN: 16, ROWS: 8, QUADS: 1, DEPTH: 16 },
  { ACROSS: 16, DOWN: 16, ROWS: 4, QUADS: 1, DEPTH: 16 },
  { ACROSS: 8, DOWN: 8, ROWS: 8, QUADS: 2, DEPTH: 8 },
  { ACROSS: 8, DOWN: 16, ROWS: 2, QUADS: 1, DEPTH: 16 },
  { ACROSS: 8, DOWN: 16, ROWS: 1, QUADS: 1, DEPTH: 32 },
];

/** The tile of one workgroup, by the constants of the shader. */
export function floatTile(variant: Variant, elementBytes: number): Tile {
  const { ACROSS = 16, DOWN = 16, ROWS = 8, QUADS = 2, DEPTH = 16 } = variant;
  const rows = DOWN * ROWS;
  const quads = ACROSS * QUADS;
  // Two copies; a row of A has one quad more than it holds.
  const storedQuads = 2 * (rows * (DEPTH / 4 + 1) + DEPTH * quads);
  return {
    rows,
    columns: 4 * quads,
    invocations: ACROSS * DOWN,
    storageBytes: storedQuads * 4 * elementBytes,
  };
}

type Matrix = { data: Uint8Array } | "filled by the device";

/** A and B where they are given; otherwise the device fills them in by the seed. */
export function floatJob(
  design: FloatDesign,
  build: Build,
  sides: Sides,
  inputs: { a: Uint8Array; b: Uint8Array } | { seed: number },
): KernelJob {
  requireSides(sides);
  const { m, n, k } = sides;
  const { elementBytes } = design;
  const code = design.specialise(build.code);
  const isFilled = "seed" in inputs;
  const shape = Uint32Array.of(m, n, k, isFilled ? inputs.seed : 0);
  const a: Matrix = isFilled ? "filled by the device" : { data: inputs.a };
  const b: Matrix = isFilled ? "filled by the device" : { data: inputs.b };
  const buffers = [
    uniformBlock(SHAPE, shape),
    matrixBuffer(A, m * k * elementBytes, elementBytes, a),
    matrixBuffer(B, k * n * elementBytes, elementBytes, b),
    { binding: PRODUCT, kind: "read-write", sizeBytes: BYTES_OF_F32 * m * n, fill: POISON },
  ] satisfies BufferSpec[];
  const isAligned = k % 4 === 0 && n % 4 === 0;
  return {
    label: design.name,
    code,
    entryPoint: isAligned ? "multiply" : "multiply_ragged",
    workgroups: gridFor(sides, floatTile(build.variant, elementBytes)),
    buffers,
    ...(isFilled && {
      setup: [fillStep(code, "fill_a", A, (m * k) / 4), fillStep(code, "fill_b", B, (k * n) / 4)],
    }),
  };
}

/** Whole quads: the shader reads nothing smaller. At least one, since no buffer is empty. */
function matrixBuffer(
  binding: number,
  sizeBytes: number,
  elementBytes: number,
  matrix: Matrix,
): BufferSpec {
  const quadBytes = 4 * elementBytes;
  const whole = Math.max(1, Math.ceil(sizeBytes / quadBytes)) * quadBytes;
  const spec = { binding, kind: "read", sizeBytes: whole } as const;
  return matrix === "filled by the device" ? spec : { ...spec, data: matrix.data };
}

function fillStep(code: string, entryPoint: string, binding: number, quads: number) {
  const workgroups = gridOf(Math.ceil(quads / FILL_WORKGROUP));
  return { code, entryPoint, workgroups, bindings: [SHAPE, binding] };
}

/** Small products that the device fills in, of all kinds of sides, every element compared. */
export async function verifyFloat(
  design: FloatDesign,
  device: ProbeDevice,
  build: Build,
  random: Random,
): Promise<void> {
  const { rows, columns } = floatTile(build.variant, design.elementBytes);
  const { DEPTH = 16 } = build.variant;
  const below = (most: number): number => 1 + randomInt(random, most);
  const cases: Sides[] = [
    { m: 1, n: 1, k: 1 },
    { m: 3, n: 4, k: 0 },
    { m: rows, n: columns, k: DEPTH },
    { m: rows + 1, n: columns + 4, k: 2 * DEPTH + 4 },
    { m: rows + 1, n: columns - 1, k: DEPTH + 1 },
    { m: below(rows), n: 2 * columns + 3, k: 1 },
    { m: below(40), n: below(40), k: below(70) },
  ];
  for (const sides of cases) {
    const seed = randomInt(random, 2 ** 32);
    const job = floatJob(design, build, sides, { seed });
    const [bytes = new Uint8Array()] = await runOnce(device, job, [PRODUCT]);
    const product = filledProduct(sides, seed, design.bits);
    requireAll(design.name, product, asFloats(bytes), design.summation(build.variant));
  }
}

export function floatWorkload(
  design: FloatDesign,
  { build, scale, adapter, random }: WorkloadContext,
): Workload {
  const side = limitedSide(design.sides[scale], adapter, BYTES_OF_F32);
  const sides = { m: side, n: side, k: side };
  const seed = randomInt(random, 2 ** 32);
  const product = filledProduct(sides, seed, design.bits);
  return {
    job: floatJob(design, build, sides, { seed }),
    workPerDispatch: 2 * side ** 3,
    check: (read) =>
      checkRows(design.name, product, random, design.summation(build.variant), async (row) =>
        asFloats(await read(PRODUCT, rowRange(row, side * BYTES_OF_F32))),
      ),
  };
}

/** Bytes of matrices of f32, as the shader reads them. */
export function floatInputs({ a, b }: FloatProduct): { a: Uint8Array; b: Uint8Array } {
  return { a: asBytes(a), b: asBytes(b) };
}
