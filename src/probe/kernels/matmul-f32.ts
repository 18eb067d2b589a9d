import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import {
  asBytes,
  asFloats,
  type Kernel,
  POISON,
  type Random,
  randomInt,
  type Scale,
  type Workload,
  wrongResult,
} from "./kernel.ts";

const NAME = "matmul-f32";
const TILE = 64;
const SHAPE = 0;
const A = 1;
const B = 2;
const C = 3;

/** A full grid on a large GPU (1,024 workgroups) in three buffers of 16 MiB. */
const SIDE: Record<Scale, number> = { gpu: 2048, software: 192, probe: 512 };
const CHECKED_ELEMENTS = 256;

/** Spacing of f32 at 1. WGSL lets + and * round either way, so one operation errs by up to this. */
const EPSILON = 2 ** -23;
/** Smallest normal f32: WGSL lets a device flush what is below to 0. */
const SMALLEST_NORMAL = 2 ** -126;

/** A is m x k, B is k x n, both row-major. */
export interface Product {
  m: number;
  n: number;
  k: number;
  a: Float32Array;
  b: Float32Array;
}

export function multiplyJob(code: string, product: Product): KernelJob {
  const { m, n, k, a, b } = product;
  return {
    label: NAME,
    code,
    entryPoint: "multiply",
    workgroups: [Math.ceil(n / TILE), Math.ceil(m / TILE), 1],
    buffers: [
      input(SHAPE, "uniform", asBytes(Uint32Array.of(m, n, k, 0))),
      input(A, "read", asBytes(a)),
      input(B, "read", asBytes(b)),
      { binding: C, kind: "read-write", sizeBytes: 4 * m * n, fill: POISON },
    ],
  };
}

/** Floating-point operations of a product: a multiplication and an addition per term. */
export function flopOf({ m, n, k }: Pick<Product, "m" | "n" | "k">): number {
  return 2 * m * n * k;
}

export function randomProduct(m: number, n: number, k: number, random: Random): Product {
  const matrix = (length: number): Float32Array =>
    Float32Array.from({ length }, () => 2 * random() - 1);
  return { m, n, k, a: matrix(m * k), b: matrix(k * n) };
}

/** One element in float64, and how far an f32 sum of its terms, in any order, may be off. */
export interface ReferenceElement {
  value: number;
  tolerance: number;
}

/**
 * With u the error of one operation, a sum of k products is within k u / (1 - k u) times the sum
 * of the terms' magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). To it
 * comes what flushing of subnormals can take away from 2 k operations.
 */
export function referenceElement(product: Product, row: number, column: number): ReferenceElement {
  const { n, k, a, b } = product;
  let value = 0;
  let magnitude = 0;
  for (let i = 0; i < k; i++) {
    const term = (a[row * k + i] ?? Number.NaN) * (b[i * n + column] ?? Number.NaN);
    value += term;
    magnitude += Math.abs(term);
  }
  const gamma = (k * EPSILON) / (1 - k * EPSILON);
  return { value, tolerance: gamma * magnitude + 2 * k * SMALLEST_NORMAL };
}

/** The first element of `elements` (indices into C) that is off, in words; undefined if none is. */
export function findWrong(
  product: Product,
  c: Float32Array,
  elements: Iterable<number>,
): string | undefined {
  for (const element of elements) {
    const row = Math.floor(element / product.n);
    const column = element % product.n;
    const { value, tolerance } = referenceElement(product, row, column);
    const actual = c[element] ?? Number.NaN;
    if (!(Math.abs(actual - value) <= tolerance)) {
      return `C[${row}][${column}] of ${product.m} x ${product.n} x ${product.k} is ${actual}, not ${value} ± ${tolerance}`;
    }
  }
  return undefined;
}

/** f32 matrix product from shared memory: floating-point multiply-adds, as in a dense layer. */
export const matmulF32Kernel: Kernel = {
  name: NAME,
  family: "matmul",
  unit: "FLOP/s",
  purpose: "f32 matrix product: multiply-adds fed from shared memory, as in a dense layer",
  shader: "matmul-f32.wgsl",
  cost: { "f32-flop": 1 },
  lacks: () => undefined,
  variants: () => [{}],

  async verify(device, { code }, random) {
    const odd = (): number => 2 * randomInt(random, 60) + 1;
    const shapes = [
      [1, 1, 1],
      [64, 64, 16],
      [65, 63, 17],
      [1, 130, 5],
      [odd(), odd(), odd()],
    ];
    for (const [m = 1, n = 1, k = 1] of shapes) {
      await verifyShape(device, code, randomProduct(m, n, k, random));
    }
  },

  workload({ build: { code }, scale, random }) {
    const side = SIDE[scale];
    const product = randomProduct(side, side, side, random);
    return {
      job: multiplyJob(code, product),
      workPerDispatch: flopOf(product),
      check: async (read) => {
        const elements = Array.from({ length: CHECKED_ELEMENTS }, () =>
          randomInt(random, side * side),
        );
        const wrong = findWrong(product, asFloats(await read(C)), elements);
        if (wrong) throw wrongResult(NAME, wrong);
      },
    } satisfies Workload;
  },
};

async function verifyShape(device: ProbeDevice, code: string, product: Product): Promise<void> {
  const [bytes = new Uint8Array()] = await runOnce(device, multiplyJob(code, product), [C]);
  const c = asFloats(bytes);
  if (c.length !== product.m * product.n) throw wrongResult(NAME, "C has another size");
  const wrong = findWrong(product, c, c.keys());
  if (wrong) throw wrongResult(NAME, wrong);
}

function input(binding: number, kind: BufferSpec["kind"], data: Uint8Array): BufferSpec {
  return { binding, kind, sizeBytes: data.byteLength, data };
}
