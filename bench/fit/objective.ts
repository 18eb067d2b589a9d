/** What a fit minimises, with its gradient: likelihood of the labels, and the pull towards physics. */
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import type { BinnedFeature } from "./bins.ts";
import { binIndex } from "./bins.ts";
import { type WeighedRow, weighedValue } from "./rows.ts";

export const LABEL_COUNT = DECIDABLE_LABELS.length;

/** Binned rows: of each row the column of every feature's bin, -1 where it was not measured. */
export interface Design {
  rows: readonly WeighedRow[];
  /** `rows × features`. */
  columns: Int32Array;
  featureCount: number;
  /** Columns in all: one for each bin of each feature. */
  columnCount: number;
  /** Whether a column and the one after it are neighbouring bins of one feature. */
  hasNext: Uint8Array;
  /** Columns whose weights stay what they were: too few measured their feature. */
  isFrozen: Uint8Array;
  /** `columns × labels`: the weights that the fit starts from. */
  prior: Float64Array;
  /** `rows`: place of the true label in `DECIDABLE_LABELS`. */
  labels: Uint8Array;
}

export function designOf(rows: readonly WeighedRow[], features: readonly BinnedFeature[]): Design {
  const columnCount = features.reduce((sum, { bins }) => sum + bins.length, 0);
  const prior = new Float64Array(columnCount * LABEL_COUNT);
  const hasNext = new Uint8Array(columnCount);
  const isFrozen = new Uint8Array(columnCount);
  const columns = new Int32Array(rows.length * features.length).fill(-1);
  let first = 0;
  for (const [place, { feature, unless, bins, measured }] of features.entries()) {
    for (const [bin, { prior: weights }] of bins.entries()) {
      hasNext[first + bin] = bin + 1 < bins.length ? 1 : 0;
      for (const [label, name] of DECIDABLE_LABELS.entries())
        prior[(first + bin) * LABEL_COUNT + label] = weights[name] ?? 0;
    }
    for (const [row, own] of rows.entries()) {
      const value = weighedValue(own, feature, unless);
      if (value !== undefined)
        columns[row * features.length + place] = first + binIndex(bins, value);
    }
    if (measured.length === 0) isFrozen.fill(1, first, first + bins.length);
    first += bins.length;
  }
  const labels = Uint8Array.from(rows, ({ label }) => DECIDABLE_LABELS.indexOf(label));
  const featureCount = features.length;
  return { rows, columns, featureCount, columnCount, hasNext, isFrozen, prior, labels };
}

/** What the deviations from physics cost. */
export interface Penalty {
  /** Of the square of each deviation: one over its expected variance in log-odds. */
  ridge: number;
  /** Of the square of the difference between the deviations of neighbouring bins. */
  fused: number;
}

export interface Objective {
  /** @param gradient is overwritten */
  evaluate(deviations: Float64Array, gradient: Float64Array): number;
  /** An upper estimate of the curvature along each coordinate. */
  curvature(): Float64Array;
  size: number;
}

/**
 * Minus the log posterior of the deviations from the prior weights.
 * @param weights of the rows, summing to how many observations they count as; 0 leaves a row out.
 * Labels without a weighted row take no part: what nobody recorded is not argued against.
 */
export function objectiveOf(design: Design, weights: Float64Array, penalty: Penalty): Objective {
  const { columnCount, labels } = design;
  const isPresent = new Uint8Array(LABEL_COUNT);
  for (const [row, weight] of weights.entries()) if (weight > 0) isPresent[labels[row] ?? 0] = 1;
  const start = scoresOfRows(design, design.prior);
  const evaluate = (deviations: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0);
    const loss = likelihood(design, weights, isPresent, start, deviations, gradient);
    freeze(gradient, design.isFrozen);
    return loss + penalise(design, penalty, deviations, gradient);
  };
  const size = columnCount * LABEL_COUNT;
  return { evaluate, curvature: () => curvatureOf(design, weights, penalty), size };
}

/** `rows × labels`: the sums of the weights of each row's bins. */
export function scoresOfRows(design: Design, weights: Float64Array): Float64Array {
  const { rows, columns, featureCount } = design;
  const scores = new Float64Array(rows.length * LABEL_COUNT);
  for (let row = 0; row < rows.length; row += 1) add(columns, row, featureCount, weights, scores);
  return scores;
}

/*
 * The two loops below are where a fit spends its time: over the four labels they are written out, and
 * each sum is kept in a local.
 */

function add(
  columns: Int32Array,
  row: number,
  featureCount: number,
  weights: Float64Array,
  scores: Float64Array,
): void {
  const at = row * LABEL_COUNT;
  let [a, b, c, d] = [
    scores[at] ?? 0,
    scores[at + 1] ?? 0,
    scores[at + 2] ?? 0,
    scores[at + 3] ?? 0,
  ];
  const end = (row + 1) * featureCount;
  for (let place = row * featureCount; place < end; place += 1) {
    const from = (columns[place] ?? -1) * LABEL_COUNT;
    if (from < 0) continue;
    a += weights[from] ?? 0;
    b += weights[from + 1] ?? 0;
    c += weights[from + 2] ?? 0;
    d += weights[from + 3] ?? 0;
  }
  scores[at] = a;
  scores[at + 1] = b;
  scores[at + 2] = c;
  scores[at + 3] = d;
}

function addSlope(
  columns: Int32Array,
  row: number,
  featureCount: number,
  slope: Float64Array,
  weight: number,
  gradient: Float64Array,
): void {
  const a = weight * (slope[0] ?? 0);
  const b = weight * (slope[1] ?? 0);
  const c = weight * (slope[2] ?? 0);
  const d = weight * (slope[3] ?? 0);
  const end = (row + 1) * featureCount;
  for (let place = row * featureCount; place < end; place += 1) {
    const from = (columns[place] ?? -1) * LABEL_COUNT;
    if (from < 0) continue;
    gradient[from] = (gradient[from] ?? 0) + a;
    gradient[from + 1] = (gradient[from + 1] ?? 0) + b;
    gradient[from + 2] = (gradient[from + 2] ?? 0) + c;
    gradient[from + 3] = (gradient[from + 3] ?? 0) + d;
  }
}

function likelihood(
  { rows, columns, featureCount, labels }: Design,
  weights: Float64Array,
  isPresent: Uint8Array,
  start: Float64Array,
  deviations: Float64Array,
  gradient: Float64Array,
): number {
  const scores = start.slice();
  const slope = new Float64Array(LABEL_COUNT);
  let loss = 0;
  for (let row = 0; row < rows.length; row += 1) {
    const weight = weights[row] ?? 0;
    if (weight === 0) continue;
    add(columns, row, featureCount, deviations, scores);
    const truth = labels[row] ?? 0;
    loss -= weight * softmax(scores, row * LABEL_COUNT, isPresent, truth, slope);
    slope[truth] = (slope[truth] ?? 0) - 1;
    addSlope(columns, row, featureCount, slope, weight, gradient);
  }
  return loss;
}

/** Fills `shares` with the probabilities over the labels that take part. @returns log of the truth's */
function softmax(
  scores: Float64Array,
  from: number,
  isPresent: Uint8Array,
  truth: number,
  shares: Float64Array,
): number {
  let top = -Infinity;
  for (let label = 0; label < LABEL_COUNT; label += 1)
    if (isPresent[label]) top = Math.max(top, scores[from + label] ?? 0);
  let sum = 0;
  for (let label = 0; label < LABEL_COUNT; label += 1) {
    shares[label] = isPresent[label] ? Math.exp((scores[from + label] ?? 0) - top) : 0;
    sum += shares[label] ?? 0;
  }
  for (let label = 0; label < LABEL_COUNT; label += 1) shares[label] = (shares[label] ?? 0) / sum;
  return (scores[from + truth] ?? 0) - top - Math.log(sum);
}

function penalise(
  { columnCount, hasNext }: Design,
  { ridge, fused }: Penalty,
  deviations: Float64Array,
  gradient: Float64Array,
): number {
  let loss = 0;
  for (let at = 0; at < columnCount * LABEL_COUNT; at += 1) {
    const own = deviations[at] ?? 0;
    loss += 0.5 * ridge * own * own;
    gradient[at] = (gradient[at] ?? 0) + ridge * own;
    if (!hasNext[Math.floor(at / LABEL_COUNT)]) continue;
    const next = at + LABEL_COUNT;
    const step = (deviations[next] ?? 0) - own;
    loss += 0.5 * fused * step * step;
    gradient[at] = (gradient[at] ?? 0) - fused * step;
    gradient[next] = (gradient[next] ?? 0) + fused * step;
  }
  return loss;
}

function freeze(gradient: Float64Array, isFrozen: Uint8Array): void {
  for (const [col, is] of isFrozen.entries())
    if (is) gradient.fill(0, col * LABEL_COUNT, (col + 1) * LABEL_COUNT);
}

/** A softmax curves by a quarter of the weight at most; the penalties add theirs. */
function curvatureOf(
  design: Design,
  weights: Float64Array,
  { ridge, fused }: Penalty,
): Float64Array {
  const { rows, columns, featureCount, columnCount, hasNext } = design;
  const perColumn = new Float64Array(columnCount).fill(ridge);
  for (let place = 0; place < rows.length * featureCount; place += 1) {
    const col = columns[place] ?? -1;
    if (col < 0) continue;
    perColumn[col] =
      (perColumn[col] ?? 0) + 0.25 * (weights[Math.floor(place / featureCount)] ?? 0);
  }
  for (let col = 0; col < columnCount; col += 1) {
    if (!hasNext[col]) continue;
    perColumn[col] = (perColumn[col] ?? 0) + fused;
    perColumn[col + 1] = (perColumn[col + 1] ?? 0) + fused;
  }
  return Float64Array.from(
    { length: columnCount * LABEL_COUNT },
    (_, at) => perColumn[Math.floor(at / LABEL_COUNT)] ?? 1,
  );
}
