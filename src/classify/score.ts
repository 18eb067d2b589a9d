import type { Evidence } from "../model/evidence.ts";
import { DECIDABLE_LABELS, type DecidableLabel, type Label } from "../model/label.ts";
import { type Feature, featureGroup, FEATURES, type Signature } from "../model/signature.ts";
import type { EvidenceModel } from "./evidence-model.ts";

/** Log-odds of each label before they become a verdict. */
export type Scores = Record<DecidableLabel, number>;

export interface Verdict {
  label: Label;
  /** Probability of the label by the model, 0..1; of the best label where the verdict is unknown. */
  confidence: number;
  /** What weighed most first. */
  evidence: readonly Evidence[];
}

/** What each measured feature of a window says. A feature that was not measured says nothing. */
export function telemetryEvidence(signature: Signature, model: EvidenceModel): Evidence[] {
  const found: Evidence[] = [];
  for (const { feature, says, bins, unless = [] } of model.features) {
    const value = signature.features[feature];
    if (value === undefined || !Number.isFinite(value)) continue;
    if (unless.some((better) => signature.features[better] !== undefined)) continue;
    const bin = bins.find((entry) => entry.below === undefined || value < entry.below);
    if (!bin) continue;
    const text = `${says} ${value.toFixed(3)}: ${bin.reason}`;
    found.push({ family: "telemetry", feature, value, text, weights: bin.weights });
  }
  return found;
}

/** Where the bins of each weighed feature end: within one, any value is read alike. */
export function binEdges(model: EvidenceModel): Partial<Record<Feature, readonly number[]>> {
  return Object.fromEntries(
    model.features.map(({ feature, bins }) => [feature, bins.flatMap(({ below }) => below ?? [])]),
  );
}

/** Features that were measured and that the model has no weights for: shown, so that a reader has them. */
export function unweighedEvidence({ features }: Signature, model: EvidenceModel): Evidence[] {
  const weighed: ReadonlySet<string> = new Set(model.features.map(({ feature }) => feature));
  const shown = FEATURES.flatMap((feature) => {
    const value = features[feature];
    if (weighed.has(feature) || value === undefined || !Number.isFinite(value)) return [];
    return [`${feature} ${value.toFixed(3)}`];
  });
  if (shown.length === 0) return [];
  const text = `measured, and not weighed by this model: ${shown.join(", ")}`;
  return [{ family: "context", feature: "unweighed", text, weights: {} }];
}

/** How much was read at all: context that weighs nothing, and that an accusation needs enough of. */
export function readingsEvidence({ workReadings, isStill }: Signature): Evidence[] {
  const text = `${workReadings} reading${workReadings === 1 ? "" : "s"} of work in the two minutes up to the window's end`;
  const readings = { feature: "readings", value: workReadings, text };
  const still = {
    feature: "still",
    text: "power was not read once with another last digit: its sensor may be stuck, and others with it, so that nothing is made of what did not move",
  };
  const told = isStill ? [readings, still] : [readings];
  return told.map((item) => ({ family: "context", ...item, weights: {} }));
}

/** What lies outside of all that a fitted model has seen: `value` counts the features. */
export function unseenEvidence({ features }: Signature, model: EvidenceModel): Evidence[] {
  const unseen = model.features.flatMap(({ feature, seen }) => {
    const value = features[feature];
    if (!seen || value === undefined || !Number.isFinite(value)) return [];
    if (value >= seen.from && value <= seen.to) return [];
    return [`${feature} ${value.toFixed(3)} (seen: ${seen.from} to ${seen.to})`];
  });
  if (unseen.length === 0) return [];
  const text = `unlike anything this model was fitted on: ${unseen.join(", ")}`;
  return [{ family: "context", feature: "unseen", value: unseen.length, text, weights: {} }];
}

/** Nearest kernels that are worth naming. */
const NAMED_REFERENCES = 2;

/** On which scale the levels of a window were read: context that weighs nothing. */
export function scaleEvidence({ scale, references }: Signature): Evidence[] {
  const [nearest] = references ?? [];
  const named = (references ?? [])
    .slice(0, NAMED_REFERENCES)
    .map(({ kernel, distance }) => `${kernel} ${distance.toFixed(2)}`);
  const text = {
    calibrated: nearest
      ? `on this device's own calibration, nearest reference kernels (0 is equal, over ${nearest.quantities} quantities): ${named.join(", ")}`
      : "levels are read on this device's own calibration",
    "public-limits": "never calibrated: levels are read on the public limits of its model",
    none: "never calibrated, and no public limits of its model are known: levels are left out",
  }[scale];
  return [{ family: "context", feature: "scale", value: nearest?.kernel, text, weights: {} }];
}

/**
 * Log-odds of each label: prior and telemetry, divided by the temperature at which a fitted model
 * proved neither too sure nor too unsure, and what does not come from the model at its full weight.
 */
export function scoresOf(evidence: readonly Evidence[], model: EvidenceModel): Scores {
  const { prior, decision } = model;
  const scores = emptyScores();
  for (const label of DECIDABLE_LABELS) {
    let [own, others] = [prior.weights[label] ?? 0, 0];
    for (const { family, weights } of evidence)
      if (family === "telemetry") own += weights[label] ?? 0;
      else others += weights[label] ?? 0;
    scores[label] = own / decision.temperature + others;
  }
  return scores;
}

/** Softmax: the scores are log-odds, so this is Bayes' rule over the decidable labels. */
export function probabilities(scores: Scores): Scores {
  const top = Math.max(...Object.values(scores));
  const shares = emptyScores();
  for (const label of DECIDABLE_LABELS) shares[label] = Math.exp(scores[label] - top);
  const sum = Object.values(shares).reduce((acc, share) => acc + share, 0);
  for (const label of DECIDABLE_LABELS) shares[label] /= sum;
  return shares;
}

/**
 * The verdict of scores and evidence. Too few kinds of features, no label that is sure enough, a best label
 * with more said against it than for it, or a window unlike all that the model has seen is
 * `unknown`; `mining-like` accuses somebody and has a bar of its own.
 */
export function decide(
  scores: Scores,
  evidence: readonly Evidence[],
  model: EvidenceModel,
): Verdict {
  const shares = probabilities(scores);
  const best = DECIDABLE_LABELS.reduce((a, b) => (shares[b] > shares[a] ? b : a));
  const confidence = shares[best];
  const why = whyUnknown(best, confidence, scores, evidence, model);
  const sorted = byWeightFor(evidence, best);
  if (why === undefined) return { label: best, confidence, evidence: sorted };
  const reason: Evidence = { family: "context", feature: "undecided", text: why, weights: {} };
  return { label: "unknown", confidence, evidence: [...sorted, reason] };
}

/** What one sensor tells in three ways is still told by one sensor: kinds of features count. */
export function groupOf({ family, feature }: Evidence): string | undefined {
  return family === "telemetry" ? featureGroup(feature) : undefined;
}

/** Why the best label is not said; undefined where it is. */
function whyUnknown(
  best: DecidableLabel,
  confidence: number,
  scores: Scores,
  evidence: readonly Evidence[],
  { decision, prior }: EvidenceModel,
): string | undefined {
  const { minGroups, minConfidence, minMiningConfidence, minSupport } = decision;
  const hostDecides = evidence.some(
    (item) => (item.family === "host" || item.family === "network") && weighs(item),
  );
  const groups = new Set(evidence.flatMap((item) => groupOf(item) ?? [])).size;
  if (!hostDecides && groups < minGroups)
    return `undecided: features of ${groups} kinds were measured, and ${minGroups} are the least`;
  const bar = best === "mining-like" ? minMiningConfidence : minConfidence;
  if (!(confidence >= bar))
    return `undecided: ${best} is the most probable at ${confidence.toFixed(2)}, and must reach ${bar}`;
  const support = scores[best] * decision.temperature - (prior.weights[best] ?? 0);
  if (support < minSupport)
    return `undecided: ${best} is only the least unlikely, with more against it than for it (${support.toFixed(2)})`;
  const readings = evidence.find(({ feature }) => feature === "readings")?.value;
  const { minMiningReadings } = decision;
  const isGlimpse = readings !== undefined && Number(readings) < minMiningReadings;
  if (best === "mining-like" && !hostDecides && isGlimpse)
    return `undecided: ${readings} readings of work are a glimpse, and an accusation by telemetry alone takes ${minMiningReadings}`;
  const unseen = evidence.find(({ feature }) => feature === "unseen")?.value ?? 0;
  if (!hostDecides && Number(unseen) > decision.maxUnseenFeatures)
    return `undecided: unlike all that the model has seen, in ${unseen} features`;
  return undefined;
}

/** An average, not a sum: neighbouring windows are nearly copies, and copies are no new evidence. */
export function smooth(own: Scores, neighbours: readonly Scores[], weight: number): Scores {
  const whole = 1 + weight * neighbours.length;
  const smoothed = emptyScores();
  for (const label of DECIDABLE_LABELS) {
    const around = neighbours.reduce((acc, scores) => acc + scores[label], 0);
    smoothed[label] = (own[label] + weight * around) / whole;
  }
  return smoothed;
}

function weighs(evidence: Evidence): boolean {
  return Object.values(evidence.weights).some((weight) => weight !== 0);
}

function byWeightFor(evidence: readonly Evidence[], label: DecidableLabel): Evidence[] {
  const size = (item: Evidence): number => Math.abs(item.weights[label] ?? 0);
  return [...evidence].sort((a, b) => size(b) - size(a) || (a.feature < b.feature ? -1 : 1));
}

function emptyScores(): Scores {
  return { "training-like": 0, "inference-like": 0, "mining-like": 0, other: 0 };
}
