import type { EvidenceModel } from "../../classify/evidence-model.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { DecidableLabel } from "../../model/label.ts";
import { type Feature, featureGroup, FEATURES, type Signature } from "../../model/signature.ts";
import { sanitize } from "../../model/text.ts";
import type { DeviceScale } from "../../signature/scale.ts";
import { FEATURE_WORDS, GROUP_TITLES } from "./feature-words.ts";
import { inOwnUnits, shownValue } from "./own-units.ts";
import type { EvidenceGroup, EvidenceItem, NotMeasured } from "./schema.ts";

/** Longest sentence that is shown of one reason; a ledger's may be of another program. */
const MAX_REASON = 400;

export type FeatureValues = Signature["features"];

/** The two labels that a table compares. */
export interface Pair {
  best: DecidableLabel;
  runnerUp: DecidableLabel;
}

/**
 * Features as far as they are known: what the evidence itself measured, and beside it what the slice
 * lists as not weighed, or all of the device's signature where the evidence is the device's own.
 */
export function featureValues(
  evidence: readonly Evidence[],
  signature: Signature | undefined,
): FeatureValues {
  const own: FeatureValues = {};
  let noted: FeatureValues = {};
  for (const { family, feature, value, text } of evidence) {
    const known = knownFeature(feature);
    if (family === "context" && feature === "unweighed") noted = listed(text);
    if (family === "telemetry" && known && typeof value === "number") own[known] = value;
  }
  const isDevices = FEATURES.every(
    (feature) => own[feature] === undefined || own[feature] === signature?.features[feature],
  );
  return { ...noted, ...(isDevices ? signature?.features : {}), ...own };
}

/** `measured, and not weighed by this model: clockLevel 1.000, …`: all that a slice keeps of them. */
function listed(text: string): FeatureValues {
  const found: FeatureValues = {};
  for (const [, name = "", value = ""] of text.matchAll(/\b([A-Za-z0-9]+) (-?\d+\.\d+)/g)) {
    const known = knownFeature(name);
    if (known) found[known] = Number(value);
  }
  return found;
}

/** Telemetry in the groups of the model, and within each what weighs most between the two first. */
export function groupedEvidence(
  evidence: readonly Evidence[],
  features: FeatureValues,
  scale: DeviceScale | undefined,
  pair: Pair,
): EvidenceGroup[] {
  const weighed = evidence.filter(({ family }) => family === "telemetry");
  const named = new Set(weighed.map(({ feature }) => feature));
  const items = weighed.map((item) => ({
    group: groupOf(item.feature),
    item: itemOf(item, features, scale, pair),
  }));
  for (const feature of FEATURES) {
    const value = features[feature];
    if (value === undefined || named.has(feature)) continue;
    const unweighed: Evidence = {
      family: "telemetry",
      feature,
      value,
      text: "shown, and not weighed by this model",
      weights: {},
    };
    items.push({ group: groupOf(feature), item: itemOf(unweighed, features, scale, pair) });
  }
  const groups = [...Object.entries(GROUP_TITLES), ["more", "Other evidence"] as const];
  return groups.flatMap(([group, title]) => {
    const own = items.filter((entry) => entry.group === group).map(({ item }) => item);
    own.sort((a, b) => Math.abs(Math.log(b.times)) - Math.abs(Math.log(a.times)));
    return own.length === 0 ? [] : [{ group, title, items: own }];
  });
}

function itemOf(
  { feature, value, text, weights }: Evidence,
  features: FeatureValues,
  scale: DeviceScale | undefined,
  { best, runnerUp }: Pair,
): EvidenceItem {
  const known = knownFeature(feature);
  const { says, meaning } = split(text, value);
  const times = Math.exp((weights[best] ?? 0) - (weights[runnerUp] ?? 0));
  const number = typeof value === "number" ? value : undefined;
  return {
    feature: sanitize(feature, 60),
    name: known ? FEATURE_WORDS[known].name : sanitize(says, 120),
    value: typeof value === "string" ? sanitize(value) : value,
    shown: shownOf(known, value),
    ownUnits:
      known && number !== undefined ? inOwnUnits(known, number, features, scale) : undefined,
    meaning: sanitize(meaning, MAX_REASON),
    weights,
    times,
  };
}

function shownOf(known: Feature | undefined, value: Evidence["value"]): string {
  if (value === undefined) return "";
  if (typeof value === "string") return sanitize(value, 60);
  return known ? shownValue(known, value) : value.toFixed(3);
}

/** `power between rest (0) and limit (1) 0.613: high power: …` is a name, a value and a reason. */
function split(text: string, value: Evidence["value"]): { says: string; meaning: string } {
  const mark = typeof value === "number" ? ` ${value.toFixed(3)}: ` : undefined;
  const at = mark === undefined ? -1 : text.indexOf(mark);
  if (mark === undefined || at < 0) return { says: text, meaning: text };
  return { says: text.slice(0, at), meaning: text.slice(at + mark.length) };
}

/** What the model would have weighed, the most telling first, and then what no model weighs yet. */
export function notMeasured(
  features: FeatureValues,
  model: EvidenceModel | undefined,
  pair: Pair,
): NotMeasured[] {
  const missing = FEATURES.filter(
    (feature) => features[feature] === undefined && !isToldBetter(feature, features, model),
  );
  const told = missing.map((feature): NotMeasured => {
    const { name, needs, tells } = FEATURE_WORDS[feature];
    return {
      group: groupOf(feature),
      feature,
      name,
      needs,
      tells,
      couldMove: reachOf(feature, model, pair),
    };
  });
  const size = ({ couldMove }: NotMeasured): number =>
    couldMove ? Math.max(-couldMove.least, couldMove.most) : -1;
  return told.sort((a, b) => size(b) - size(a));
}

/** Whether another feature, which was measured, stands in the model in place of this one. */
function isToldBetter(
  name: Feature,
  features: FeatureValues,
  model: EvidenceModel | undefined,
): boolean {
  const { unless = [] } = model?.features.find(({ feature }) => feature === name) ?? {};
  return unless.some((better) => features[better] !== undefined);
}

function reachOf(
  feature: Feature,
  model: EvidenceModel | undefined,
  { best, runnerUp }: Pair,
): NotMeasured["couldMove"] {
  const bins = model?.features.find((entry) => entry.feature === feature)?.bins;
  if (!bins) return undefined;
  const moves = bins.map(({ weights }) => (weights[best] ?? 0) - (weights[runnerUp] ?? 0));
  return { least: Math.min(...moves), most: Math.max(...moves) };
}

export function knownFeature(name: string): Feature | undefined {
  return FEATURES.find((feature) => feature === name);
}

const groupOf = (name: string): string => featureGroup(name) ?? "more";
