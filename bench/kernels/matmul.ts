import {
  elementsOf,
  operationsOf,
  type Product,
  randomProduct,
  referenceElement,
} from "../../src/probe/kernels/product.ts";
import type { Spread } from "../statistics.ts";
import type { Contender, Prepared } from "./contender.ts";
import { interleave } from "./interleave.ts";

export interface MatmulRow {
  name: string;
  version: string;
  /** Absent where the contender failed. */
  flopPerSecond?: Spread | undefined;
  /** Its time over ours, within each round. */
  timesOurs?: Spread | undefined;
  failure?: string | undefined;
}

export interface MatmulResult {
  side: number;
  rounds: number;
  rows: MatmulRow[];
}

const CHECKED_ELEMENTS = 64;

/**
 * Square f32 products of one size, all contenders on the same adapter in the same process.
 * Every contender's result is checked against float64 before anything is timed; one that fails is
 * told and left out.
 */
export async function compareMatmul(
  side: number,
  contenders: readonly Contender[],
  { rounds, roundSeconds }: { rounds: number; roundSeconds: number },
): Promise<MatmulResult> {
  const product = randomProduct(side, side, side, Math.random);
  const ready: { contender: Contender; prepared: Prepared }[] = [];
  const rows: MatmulRow[] = [];
  for (const contender of contenders) {
    const { name, version } = contender;
    try {
      const prepared = await contender.prepare({ side, a: product.a, b: product.b });
      ready.push({ contender, prepared });
      await prepared.run(1);
      const wrong = check(elementsOf(product), await prepared.read());
      if (wrong) throw new Error(wrong);
    } catch (error) {
      if (ready.at(-1)?.contender === contender) await ready.pop()?.prepared.dispose();
      rows.push({ name, version, failure: String(error).slice(0, 200) });
    }
  }
  const now = (): number => performance.now() / 1000;
  const runs = ready.map(
    ({ prepared }) =>
      async (count: number) =>
        prepared.run(count),
  );
  const timings = await interleave(runs, { rounds, roundSeconds, now });
  const flop = operationsOf(product);
  ready.forEach(({ contender: { name, version } }, i) => {
    const timing = timings[i];
    if (!timing) return;
    const { median, min, max } = timing.seconds;
    const flopPerSecond = { median: flop / median, min: flop / max, max: flop / min };
    rows.push({ name, version, flopPerSecond, timesOurs: timing.ratio });
  });
  for (const { prepared } of ready) await prepared.dispose();
  const order = contenders.map(({ name }) => name);
  rows.sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
  return { side, rounds, rows };
}

/** The first of some random elements that is further off than rounding explains. */
function check(product: Product, result: ArrayLike<number>): string | undefined {
  if (result.length !== product.m * product.n) return `a product of ${result.length} elements`;
  for (let i = 0; i < CHECKED_ELEMENTS; i++) {
    const element = Math.floor(Math.random() * result.length);
    const [row, column] = [Math.floor(element / product.n), element % product.n];
    const { value, tolerance } = referenceElement(product, row, column);
    const actual = result[element] ?? Number.NaN;
    if (!(Math.abs(actual - value) <= tolerance))
      return `element ${row}, ${column} is ${actual}, not ${value}`;
  }
  return undefined;
}
