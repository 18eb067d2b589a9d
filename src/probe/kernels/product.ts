import { type Random, wrongResult } from "./kernel.ts";
import { scatter } from "./scatter.ts";

/** C = A * B: A is m x k, B is k x n, C is m x n, all row-major. */
export interface Sides {
  m: number;
  n: number;
  k: number;
}

/** A product by its elements: an element may be computed when it is asked for. */
export interface Product extends Sides {
  /** Of A, by its index `row * k + step`. */
  a(index: number): number;
  /** Of B, by its index `step * n + column`. */
  b(index: number): number;
}

/** A product whose matrices are in memory. */
export interface FloatProduct extends Sides {
  a: Float32Array;
  b: Float32Array;
}

/** Operations of a product: a multiplication and an addition per term. */
export function operationsOf({ m, n, k }: Sides): number {
  return 2 * m * n * k;
}

/** Sides are whole numbers of at least 0. @throws RangeError */
export function requireSides({ m, n, k }: Sides): void {
  if (![m, n, k].every((side) => Number.isInteger(side) && side >= 0))
    throw new RangeError(`no matrices have the sides ${m}, ${n}, ${k}`);
  if (m === 0 || n === 0)
    throw new RangeError(`a product of ${m} x ${n} has no elements: there is nothing to launch`);
}

export function randomProduct(m: number, n: number, k: number, random: Random): FloatProduct {
  const matrix = (length: number): Float32Array =>
    Float32Array.from({ length }, () => 2 * random() - 1);
  return { m, n, k, a: matrix(m * k), b: matrix(k * n) };
}

export function elementsOf({ m, n, k, a, b }: FloatProduct): Product {
  return { m, n, k, a: (i) => a[i] ?? Number.NaN, b: (i) => b[i] ?? Number.NaN };
}

/** The product that the shaders' `fill_a` and `fill_b` prepare: elements of `bits` bits in [-1, 1). */
export function filledProduct(sides: Sides, seed: number, bits: number): Product {
  const element = (index: number, matrixSeed: number): number =>
    (scatter(index ^ matrixSeed) >>> (32 - bits)) / 2 ** (bits - 1) - 1;
  const seedA = scatter(seed);
  const seedB = scatter(~seed);
  return { ...sides, a: (i) => element(i, seedA), b: (i) => element(i, seedB) };
}

/** How an arithmetic errs: relative error of one operation, and its smallest normal number. */
export interface Precision {
  epsilon: number;
  smallestNormal: number;
}

/** Spacing of f32 at 1: WGSL lets + and * round either way, so one operation errs by up to this. */
export const F32: Precision = { epsilon: 2 ** -23, smallestNormal: 2 ** -126 };
export const F16: Precision = { epsilon: 2 ** -10, smallestNormal: 2 ** -14 };

/** One element in float64, and how far the sum of its terms on a device may be off. */
export interface ReferenceElement {
  value: number;
  tolerance: number;
}

/** How the terms of an element are added up: chunks of `depth` terms, then the chunks in f32. */
export interface Summation {
  within: Precision;
  /** All terms where absent. */
  depth?: number | undefined;
}

/**
 * With u the error of one operation, a sum of p products is within p u / (1 - p u) times the sum
 * of the terms' magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), in any
 * order. Of two stages each term carries the errors of both. To it comes what flushing of
 * subnormals to 0, which WGSL allows, can take away from 2 operations a term and one a chunk.
 */
export function referenceElement(
  product: Product,
  row: number,
  column: number,
  { within, depth }: Summation = { within: F32 },
): ReferenceElement {
  const { n, k } = product;
  let value = 0;
  let magnitude = 0;
  for (let i = 0; i < k; i++) {
    const term = product.a(row * k + i) * product.b(i * n + column);
    value += term;
    magnitude += Math.abs(term);
  }
  const terms = Math.min(k, depth ?? k);
  const chunks = depth === undefined ? 0 : Math.ceil(k / depth);
  const relative = (1 + gamma(terms, within.epsilon)) * (1 + gamma(chunks, F32.epsilon)) - 1;
  const flushed = 2 * k * within.smallestNormal + chunks * F32.smallestNormal;
  return { value, tolerance: relative * magnitude + flushed };
}

function gamma(operations: number, epsilon: number): number {
  return (operations * epsilon) / (1 - operations * epsilon);
}

/** The first element of `elements` (indices into C) that is off, in words; undefined if none is. */
export function findWrong(
  product: Product,
  c: (index: number) => number,
  elements: Iterable<number>,
  summation?: Summation,
): string | undefined {
  for (const element of elements) {
    const row = Math.floor(element / product.n);
    const column = element % product.n;
    const { value, tolerance } = referenceElement(product, row, column, summation);
    const actual = c(element);
    if (!(Math.abs(actual - value) <= tolerance)) {
      return `C[${row}][${column}] of ${product.m} x ${product.n} x ${product.k} is ${actual}, not ${value} ± ${tolerance}`;
    }
  }
  return undefined;
}

/** @throws `probe/wrong-result` where C has another size than the product, or an element is off */
export function requireAll(
  kernel: string,
  product: Product,
  c: Float32Array | Int32Array,
  summation?: Summation,
): void {
  if (c.length !== product.m * product.n) throw wrongResult(kernel, "C has another size");
  const wrong = findWrong(product, (i) => c[i] ?? Number.NaN, c.keys(), summation);
  if (wrong) throw wrongResult(kernel, wrong);
}
