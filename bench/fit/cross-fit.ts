/** How far the weights may leave physics: as far as helps with families that a fit has not seen. */
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import { minimise } from "./minimise.ts";
import { type Design, LABEL_COUNT, objectiveOf, scoresOfRows } from "./objective.ts";
import { familiesOf, type Row, weighed } from "./rows.ts";
import { bestTemperature, type HeldOut } from "./temperature.ts";

/**
 * Standard deviations, in log-odds, that a weight is expected to have from its physics. 0 is physics
 * alone, and wins where leaving it does not help.
 */
export const LOOSENESS = [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];
/** A neighbouring bin that differs is that much less expected than one that moves along. */
const FUSED_RATIO = 2;
/** Beyond so many families they are left out in groups: each left-out share is still small. */
const MAX_FOLDS = 8;
/** Slope that may be left, in parts of the pull towards physics: an error of the same size in log-odds. */
const FINE = 1e-4;
const COARSE = 1e-2;

export interface CrossFit {
  looseness: number;
  /** Scores without the prior, of each row by a fit without its family. */
  heldOut: HeldOut;
}

/** Chooses the looseness by the log loss, at its best temperature, over families left out in turn. */
export function crossFit(
  design: Design,
  leastTemperature: number,
  looseness: readonly number[] = LOOSENESS,
): CrossFit {
  const { rows, labels } = design;
  const weights = Float64Array.from(rows, ({ weight }) => weight);
  const scores = looseness.map(() => new Float64Array(rows.length * LABEL_COUNT));
  for (const fold of foldsOf(rows)) {
    const training = trainingWeights(rows, ({ family }) => !fold.has(family));
    let deviations = noDeviations(design);
    for (const [place, sigma] of looseness.entries()) {
      deviations = fitDeviations(design, training, sigma, deviations, COARSE);
      const said = scoresOfRows(design, sum(design.prior, deviations));
      for (const [row, { family }] of rows.entries())
        if (fold.has(family))
          for (let at = row * LABEL_COUNT; at < (row + 1) * LABEL_COUNT; at += 1)
            (scores[place] ?? said)[at] = said[at] ?? 0;
    }
  }
  let best: (CrossFit & { loss: number }) | undefined;
  for (const [place, sigma] of looseness.entries()) {
    const heldOut = { scores: scores[place] ?? new Float64Array(), labels, weights };
    const { loss } = bestTemperature(heldOut, leastTemperature);
    if (!best || loss < best.loss - 1e-9) best = { looseness: sigma, heldOut, loss };
  }
  if (!best) throw new RangeError("no looseness to choose from");
  return best;
}

/** The deviations from physics that fit all rows. */
export function fitAll(design: Design, looseness: number): Float64Array {
  const training = trainingWeights(design.rows, () => true);
  return fitDeviations(design, training, looseness, noDeviations(design), FINE);
}

function fitDeviations(
  design: Design,
  training: Float64Array,
  looseness: number,
  start: Float64Array,
  precision: number,
): Float64Array {
  if (looseness === 0 || training.every((weight) => weight === 0)) return noDeviations(design);
  const ridge = 1 / looseness ** 2;
  const objective = objectiveOf(design, training, { ridge, fused: FUSED_RATIO * ridge });
  return minimise(objective, start, precision * ridge);
}

/**
 * Balanced over the rows that take part, 0 for the others. Each family counts as one observation of
 * each of its labels, however long it ran: its windows are nearly copies of each other.
 */
function trainingWeights(rows: readonly Row[], isIn: (row: Row) => boolean): Float64Array {
  const inside = rows.filter(isIn);
  const observations = [...familiesOf(inside).values()].reduce((n, { length }) => n + length, 0);
  const found = weighed(inside).map(({ weight }) => weight * observations);
  let next = 0;
  return Float64Array.from(rows, (row) => (isIn(row) ? (found[next++] ?? 0) : 0));
}

/** Families left out together: each alone where they are few, else dealt out label by label. */
export function foldsOf(rows: readonly Row[], maxFolds = MAX_FOLDS): ReadonlySet<string>[] {
  const byLabel = familiesOf(rows);
  const inOrder = new Set(DECIDABLE_LABELS.flatMap((label) => byLabel.get(label) ?? []));
  const count = Math.min(maxFolds, inOrder.size);
  const folds = Array.from({ length: count }, () => new Set<string>());
  for (const [place, family] of [...inOrder].entries()) folds[place % count]?.add(family);
  return folds;
}

const noDeviations = (design: Design): Float64Array =>
  new Float64Array(design.columnCount * LABEL_COUNT);

export const sum = (a: Float64Array, b: Float64Array): Float64Array =>
  a.map((entry, i) => entry + (b[i] ?? 0));
