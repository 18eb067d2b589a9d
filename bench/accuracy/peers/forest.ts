import { type Random, seededRandom } from "../../demo/random.ts";
import { type Examples, growTree, leafOf, ranked, type Tree } from "./tree.ts";

export interface ForestOptions {
  trees: number;
  seed: number;
}

/** A random forest after Breiman: trees on rows drawn with replacement, few columns at each split. */
export interface Forest {
  trees: readonly Tree[];
  classCount: number;
}

/** The same forest for the same examples and seed on every machine. */
export function growForest(examples: Examples, { trees, seed }: ForestOptions): Forest {
  const random: Random = seededRandom(seed);
  const columns = Math.max(1, Math.round(Math.sqrt(examples.rows[0]?.length ?? 1)));
  const rows = examples.rows.length;
  const known = ranked(examples);
  const grown = Array.from({ length: trees }, () => {
    const drawn = Array.from({ length: rows }, () => Math.floor(random() * rows));
    return growTree(known, drawn, { columns, minLeaf: 1, random });
  });
  return { trees: grown, classCount: examples.classCount };
}

/** Mean of the trees' shares, one for each class. */
export function forestShares({ trees, classCount }: Forest, row: readonly number[]): number[] {
  const sums = Array.from({ length: classCount }, () => 0);
  for (const tree of trees)
    leafOf(tree, row).forEach((share, i) => (sums[i] = (sums[i] ?? 0) + share / trees.length));
  return sums;
}
