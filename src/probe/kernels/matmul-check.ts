import { type Random, randomInt, wrongResult } from "./kernel.ts";
import { findWrong, type Product, type Summation } from "./product.ts";

const CHECKED_ROWS = 8;
const CHECKED_PER_ROW = 32;

/**
 * Compares elements of some rows of a large C, the last row among them: whole rows are read, never
 * all of C. @throws `probe/wrong-result`
 */
export async function checkRows(
  kernel: string,
  product: Product,
  random: Random,
  summation: Summation,
  readRow: (row: number) => Promise<ArrayLike<number>>,
): Promise<void> {
  const { m, n } = product;
  for (let i = 0; i < CHECKED_ROWS; i++) {
    const row = i === 0 ? m - 1 : randomInt(random, m);
    const values = await readRow(row);
    const elements = Array.from(
      { length: CHECKED_PER_ROW },
      (_, j) => row * n + (j === 0 ? n - 1 : randomInt(random, n)),
    );
    const value = (index: number): number => values[index - row * n] ?? Number.NaN;
    const wrong = findWrong(product, value, elements, summation);
    if (wrong) throw wrongResult(kernel, wrong);
  }
}

/** The bytes of one row of a matrix whose rows begin `pitchBytes` apart. */
export function rowRange(
  row: number,
  pitchBytes: number,
): { offsetBytes: number; sizeBytes: number } {
  return { offsetBytes: row * pitchBytes, sizeBytes: pitchBytes };
}
