/** How sure log-odds may be: the temperature at which held-out truth is least surprising. */
import { LABEL_COUNT } from "./objective.ts";

/** Labels of held-out rows with the scores that a model gave which had not seen their families. */
export interface HeldOut {
  /** `rows × labels`. */
  scores: Float64Array;
  labels: Uint8Array;
  /** Of the rows, 1 in all. */
  weights: Float64Array;
}

/** No evidence is worth a hundredth of what it says. */
const MAX_TEMPERATURE = 100;
const STEPS = 40;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Golden section over one over the temperature, in which the loss is convex. Never below `least`:
 * a few families must not make the model surer than its weights.
 */
export function bestTemperature(
  heldOut: HeldOut,
  least: number,
): { temperature: number; loss: number } {
  const lossAt = (inverse: number): number => logLoss(heldOut, 1 / inverse);
  let [low, high] = [1 / MAX_TEMPERATURE, 1 / least];
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [atLeft, atRight] = [lossAt(left), lossAt(right)];
  for (let step = 0; step < STEPS; step += 1)
    if (atLeft < atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = lossAt(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = lossAt(right);
    }
  const inside = (low + high) / 2;
  // The search comes near an end and never reaches it.
  const inverse = lossAt(1 / least) <= lossAt(inside) ? 1 / least : inside;
  return { temperature: 1 / inverse, loss: lossAt(inverse) };
}

/** Mean of minus the logarithm of what was given to the truth, in nats. */
export function logLoss({ scores, labels, weights }: HeldOut, temperature: number): number {
  let loss = 0;
  for (const [row, weight] of weights.entries())
    loss -=
      weight * Math.log(Math.max(shareOf(scores, row, labels[row] ?? 0, temperature), 1e-300));
  return loss;
}

/** Probability of a label of a row. */
export function shareOf(
  scores: Float64Array,
  row: number,
  label: number,
  temperature: number,
): number {
  const own = scores[row * LABEL_COUNT + label] ?? 0;
  let sum = 0;
  for (let other = 0; other < LABEL_COUNT; other += 1)
    sum += Math.exp(((scores[row * LABEL_COUNT + other] ?? 0) - own) / temperature);
  return 1 / sum;
}
