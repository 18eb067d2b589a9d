import type { Random } from "../../demo/random.ts";

/** Rows of numbers with the class of each, as an index. */
export interface Examples {
  rows: readonly (readonly number[])[];
  classes: readonly number[];
  classCount: number;
}

export interface TreeOptions {
  /** Columns that are tried at each split, drawn anew. */
  columns: number;
  minLeaf: number;
  random: Random;
}

/** Examples with the place of every value among those of its column: sorted once, not at every split. */
export interface RankedExamples extends Examples {
  /** By column, by row; equal values have equal ranks. */
  ranks: readonly Int32Array[];
}

export function ranked(examples: Examples): RankedExamples {
  const { rows } = examples;
  const ranks = (rows[0] ?? []).map((_, column) => {
    const values = Float64Array.from(rows, (row) => row[column] ?? Number.NaN);
    const places = new Map([...new Set(values.toSorted())].map((value, rank) => [value, rank]));
    return Int32Array.from(values, (value) => places.get(value) ?? 0);
  });
  return { ...examples, ranks };
}

/** Shares of the classes at a leaf, or a question. */
export type Tree =
  | { shares: readonly number[] }
  | { column: number; below: number; yes: Tree; no: Tree };

const NO_RANKS = new Int32Array();

interface Split {
  column: number;
  below: number;
  /** Gini impurity of both sides, weighted by their rows. */
  impurity: number;
}

/** A classification tree grown until its leaves are pure, after Breiman et al. */
export function growTree(
  examples: RankedExamples,
  picked: readonly number[],
  options: TreeOptions,
): Tree {
  const counts = countsOf(examples, picked);
  const isPure = counts.some((count) => count === picked.length);
  const split = isPure ? undefined : bestSplit(examples, picked, options);
  if (!split) return { shares: counts.map((count) => count / Math.max(1, picked.length)) };
  const { column, below } = split;
  const side = (isBelow: boolean): Tree =>
    growTree(
      examples,
      picked.filter((row) => valueAt(examples, row, column) < below === isBelow),
      options,
    );
  return { column, below, yes: side(true), no: side(false) };
}

export function leafOf(tree: Tree, row: readonly number[]): readonly number[] {
  let at = tree;
  while ("column" in at) at = (row[at.column] ?? Number.NaN) < at.below ? at.yes : at.no;
  return at.shares;
}

function bestSplit(
  examples: RankedExamples,
  picked: readonly number[],
  options: TreeOptions,
): Split | undefined {
  const width = examples.rows[0]?.length ?? 0;
  const untried = Array.from({ length: width }, (_, column) => column);
  let best: Split | undefined;
  // Columns that are the same in all rows cannot split and do not count as tried.
  for (let tried = 0; untried.length > 0 && tried < options.columns;) {
    const [column] = untried.splice(Math.floor(options.random() * untried.length), 1);
    if (column === undefined) break;
    const found = splitOn(examples, picked, column, options.minLeaf);
    if (found === "constant") continue;
    tried += 1;
    if (found && (!best || found.impurity < best.impurity)) best = found;
  }
  return best;
}

/** The best place to cut one column, in one pass over its sorted values. */
function splitOn(
  examples: RankedExamples,
  picked: readonly number[],
  column: number,
  minLeaf: number,
): Split | "constant" | undefined {
  // Rank and row in one number: typed arrays sort plain numbers many times faster than by a rule.
  const [ranks, count] = [examples.ranks[column] ?? NO_RANKS, examples.rows.length];
  const sorted = Float64Array.from(picked, (row) => (ranks[row] ?? 0) * count + row).sort();
  const rankAt = (i: number): number => Math.floor((sorted[i] ?? 0) / count);
  const rowAt = (i: number): number => (sorted[i] ?? 0) % count;
  if (rankAt(0) === rankAt(sorted.length - 1)) return "constant";
  const right = countsOf(examples, picked);
  const left = right.map(() => 0);
  let [leftSquares, rightSquares] = [0, right.reduce((acc, each) => acc + each * each, 0)];
  let best: Split | undefined;
  for (let i = 0; i + 1 < sorted.length; i += 1) {
    const row = rowAt(i);
    const own = examples.classes[row] ?? 0;
    // Moving one row over changes one count by one: the sums of squares follow.
    leftSquares += 2 * (left[own] ?? 0) + 1;
    rightSquares -= 2 * (right[own] ?? 0) - 1;
    left[own] = (left[own] ?? 0) + 1;
    right[own] = (right[own] ?? 0) - 1;
    const [size, rest] = [i + 1, sorted.length - i - 1];
    if (rankAt(i) === rankAt(i + 1) || size < minLeaf || rest < minLeaf) continue;
    const impurity = sorted.length - leftSquares / size - rightSquares / rest;
    if (best && impurity >= best.impurity) continue;
    const [here, next] = [valueAt(examples, row, column), valueAt(examples, rowAt(i + 1), column)];
    best = { column, below: (here + next) / 2, impurity };
  }
  return best;
}

function countsOf({ classes, classCount }: Examples, picked: readonly number[]): number[] {
  const counts = Array.from({ length: classCount }, () => 0);
  for (const row of picked) {
    const own = classes[row] ?? 0;
    counts[own] = (counts[own] ?? 0) + 1;
  }
  return counts;
}

function valueAt({ rows }: Examples, row: number, column: number): number {
  return rows[row]?.[column] ?? Number.NaN;
}
