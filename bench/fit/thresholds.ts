/** When a verdict is given: set by families that the fit which scored them had not seen. */
import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import { weightedQuantile } from "./bins.ts";
import { LABEL_COUNT } from "./objective.ts";
import { bestTemperature, type HeldOut, shareOf } from "./temperature.ts";

type Decision = EvidenceModel["decision"];

/** Part of the right held-out verdicts that the floor of support may cost. */
const SUPPORT_LOSS = 0.01;
/** A bar that nothing reaches would find no miner: what one odd family asks for beyond this, it does not get. */
const HIGHEST_MINING_BAR = 0.95;
const MINING = DECIDABLE_LABELS.indexOf("mining-like");

/** @param heldOut scores without the prior, rows balanced over labels and families */
export function thresholds(base: EvidenceModel, heldOut: HeldOut): Decision {
  const { decision, prior } = base;
  const asDecided = withPrior(heldOut, prior.weights);
  const { temperature: exact } = bestTemperature(asDecided, decision.temperature);
  const temperature = Math.max(decision.temperature, Math.round(exact * 100) / 100);
  return {
    ...decision,
    temperature,
    minSupport: Math.max(decision.minSupport, supportFloor(heldOut, asDecided)),
    minMiningConfidence: miningBar(decision.minMiningConfidence, asDecided, temperature),
    reason: `${decision.reason} Temperature, support and the bar of mining-like were set on workload families that were left out of the fit which scored them; no bar is below the one of physics.`,
  };
}

/** The same rows in a world where labels are as frequent as the prior says, with scores that know it. */
function withPrior(heldOut: HeldOut, prior: EvidenceModel["prior"]["weights"]): HeldOut {
  const odds = DECIDABLE_LABELS.map((label) => prior[label] ?? 0);
  const scores = heldOut.scores.map((score, at) => score + (odds[at % LABEL_COUNT] ?? 0));
  const weights = heldOut.weights.map(
    (weight, row) => weight * Math.exp(odds[heldOut.labels[row] ?? 0] ?? 0),
  );
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return { labels: heldOut.labels, scores, weights: weights.map((weight) => weight / whole) };
}

/** What the right label's own evidence comes to, in nearly all windows whose label came out right. */
function supportFloor(heldOut: HeldOut, asDecided: HeldOut): number {
  const supports = [...heldOut.weights]
    .flatMap((weight, row) => {
      const truth = heldOut.labels[row] ?? 0;
      if (best(asDecided.scores, row) !== truth) return [];
      return [{ value: heldOut.scores[row * LABEL_COUNT + truth] ?? 0, weight }];
    })
    .sort((a, b) => a.value - b.value);
  const floor = weightedQuantile(supports, SUPPORT_LOSS) ?? -Infinity;
  return Math.floor(floor * 100) / 100;
}

/** Above all that honest work of unseen families reached, within reason, and never below the base's. */
function miningBar(least: number, { scores, labels }: HeldOut, temperature: number): number {
  let highest = 0;
  for (const [row, truth] of labels.entries())
    if (truth !== MINING && best(scores, row) === MINING)
      highest = Math.max(highest, shareOf(scores, row, MINING, temperature));
  const above = Math.floor(highest * 100 + 1) / 100;
  return Math.max(least, Math.min(above, HIGHEST_MINING_BAR));
}

function best(scores: Float64Array, row: number): number {
  const own = scores.subarray(row * LABEL_COUNT, (row + 1) * LABEL_COUNT);
  return own.indexOf(Math.max(...own));
}
