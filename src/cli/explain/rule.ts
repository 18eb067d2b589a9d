import type { EvidenceModel } from "../../classify/evidence-model.ts";
import { groupOf } from "../../classify/score.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { Label } from "../../model/label.ts";
import { type FeatureValues, knownFeature, type Pair } from "./evidence-items.ts";
import { sanitize } from "../../model/text.ts";
import { percent } from "./own-units.ts";
import type { Check, NotMeasured, Said, Subject } from "./schema.ts";
import type { Sum } from "./sum.ts";

export interface Judged {
  label: Label;
  confidence: number;
  evidence: readonly Evidence[];
  model: EvidenceModel | undefined;
  sum: Sum;
  pair: Pair;
  missing: readonly NotMeasured[];
  /** Whether the device was calibrated, as far as it can be told. */
  isCalibrated: boolean;
}

/** Verdicts that are found without adding anything up, by the note that they leave. */
export const WITHOUT_SUM: Readonly<Record<string, string>> = {
  activity:
    "the device itself reports that hardly any kernel ran: rest is measured, not argued, and nothing is added up",
  unobserved: "nobody measured this stretch, so nothing is said about it",
  agent: "the agent launched this work itself and timed it",
  sharedDevice:
    "several owners worked on the device at once, and too little is told of this owner's share alone: signs on the owner's own processes could decide, and they do not",
  tooLittleActivity:
    "the device worked too little in this window to tell what the work was, and no sign on a process decides",
};

/** Which rule made the verdict, every threshold on the way, and what would settle an open one. */
export function ruleOf(judged: Judged): Subject["rule"] {
  const note = judged.evidence.find(
    ({ feature, family }) => family === "context" && WITHOUT_SUM[feature],
  );
  const isOpen = judged.label === "unknown";
  const text = note && WITHOUT_SUM[note.feature];
  const failsFirst = (): boolean => checksOf(judged)[0]?.met === false;
  const isArgued = note?.feature === "sharedDevice" && (!isOpen || !failsFirst());
  if (note && text && !isArgued) {
    const decided = { code: note.feature, text };
    return { decided, checks: [], wouldSettle: isOpen ? settling(judged, note.feature) : [] };
  }
  const checks = checksOf(judged);
  const failed = checks.find(({ met }) => !met);
  return {
    decided: isOpen ? whyUnknown(judged, failed) : whyLabel(judged),
    checks,
    wouldSettle: isOpen ? settling(judged, failed?.code) : [],
  };
}

/** The thresholds in the order in which they are asked. Those of another model are not known. */
function checksOf(judged: Judged): Check[] {
  const { model, evidence, sum, pair, confidence } = judged;
  if (!model) return [];
  const { decision } = model;
  const byHost = hostWeighs(evidence);
  const groups = new Set(evidence.flatMap((item) => groupOf(item) ?? [])).size;
  const checks: Check[] = [
    {
      code: "minGroups",
      met: byHost || groups >= decision.minGroups,
      text: byHost
        ? "signs on a process weigh, so it does not matter how much was measured"
        : `something of ${groups} kinds was measured; a label needs at least ${decision.minGroups}`,
    },
  ];
  const isMining = pair.best === "mining-like";
  const bar = isMining ? decision.minMiningConfidence : decision.minConfidence;
  checks.push({
    code: isMining ? "minMiningConfidence" : "minConfidence",
    met: confidence >= bar,
    text: isMining
      ? `mining-like accuses somebody and needs ${percent(bar)}; it has ${percent(confidence)}`
      : `${pair.best} needs ${percent(bar)}, as much as everything else together; it has ${percent(confidence)}`,
  });
  const start = model.prior.weights[pair.best] ?? 0;
  const support = sum.whole
    ? sum.whole.total[pair.best] * decision.temperature - start
    : sum.for[pair.best] + sum.against[pair.best] + sum.host[pair.best] + sum.declared[pair.best];
  checks.push({
    code: "minSupport",
    met: support >= decision.minSupport,
    text: `what was found adds up to ${signed(support)} for ${pair.best} itself; it needs at least ${signed(decision.minSupport)}, else it is only the least bad of bad answers`,
  });
  const readings = evidence.find(({ feature }) => feature === "readings")?.value;
  if (isMining && readings !== undefined)
    checks.push({
      code: "minMiningReadings",
      met: byHost || Number(readings) >= decision.minMiningReadings,
      text: `${readings} readings of work within two minutes; an accusation by telemetry alone takes at least ${decision.minMiningReadings}`,
    });
  const unseen = Number(evidence.find(({ feature }) => feature === "unseen")?.value ?? 0);
  if (model.features.some(({ seen }) => seen))
    checks.push({
      code: "maxUnseenFeatures",
      met: byHost || unseen <= decision.maxUnseenFeatures,
      text: `${unseen} features lie outside of all that the model was made from; at most ${decision.maxUnseenFeatures} may`,
    });
  return checks;
}

function whyLabel({ evidence, model, pair }: Judged): Said {
  if (hostWeighs(evidence))
    return {
      code: "hostEvidence",
      text: "independent signs on one process weigh on top of what the device showed; the threshold is the same as without them",
    };
  const bar = pair.best === "mining-like" ? "minMiningConfidence" : "minConfidence";
  const text = model
    ? "every threshold below is met, and no other label is as probable"
    : "it was decided by another model than the one at hand, whose thresholds are not kept in the slice";
  return { code: bar, text };
}

function whyUnknown(judged: Judged, failed: Check | undefined): Said {
  const { model, pair, confidence, evidence } = judged;
  if (failed) return { code: failed.code, text: `${WHY[failed.code] ?? ""}: ${failed.text}` };
  // What the pipeline noted is all there is where the thresholds are not known.
  const noted = evidence.find(({ feature }) => feature === "undecided");
  if (noted)
    return { code: "undecided", text: sanitize(noted.text.replace(/^undecided: /, ""), 400) };
  const text = model
    ? `no threshold that this program knows explains it; ${pair.best} came out first with ${percent(confidence)}`
    : `it was decided by another model than the one at hand; its best label had ${percent(confidence)}`;
  return { code: "cannotTell", text };
}

const WHY: Readonly<Record<string, string>> = {
  minGroups: "too little was measured",
  minMiningReadings: "mining-like came out first, and too few readings stand behind it",
  maxUnseenFeatures: "it is unlike anything that the model was made from",
  minSupport: "nothing speaks for any label",
  minConfidence: "no label is sure enough",
  minMiningConfidence: "mining-like came out first, and not surely enough to accuse anybody",
};

/** Most things named that would settle an open verdict. */
const MAX_SETTLING = 5;
/** Below it a feature would hardly move anything: a third more likely. */
const WORTH_NAMING = 0.3;

const ALONE = "a stretch in which this owner has the device alone";

function settling(judged: Judged, code: string | undefined): string[] {
  const { missing, pair, isCalibrated, evidence } = judged;
  const isArgued = evidence.some(({ family }) => family !== "context");
  if (code === "unobserved") return ["nothing: what was not measured cannot be made up for"];
  const isShared = evidence.some(({ feature }) => feature === "sharedDevice");
  if (code === "sharedDevice")
    return [
      ALONE,
      "the driver's own figures for each process, or a device that is partitioned (MIG)",
      "two independent signs on one of the owner's processes, or a person who looks at them",
    ];
  const features = missing.filter(
    ({ couldMove }) => couldMove && Math.max(-couldMove.least, couldMove.most) >= WORTH_NAMING,
  );
  const byNeed = new Map<string, NotMeasured[]>();
  for (const item of features) byNeed.set(item.needs, [...(byNeed.get(item.needs) ?? []), item]);
  const named = [...byNeed].map(
    ([needs, items]) => `${needs}, for: ${items.map(({ name }) => name).join("; ")}`,
  );
  const rest = [
    ...(isShared ? [ALONE] : []),
    ...(code === "tooLittleActivity" ? ["a stretch in which the device works more"] : []),
    ...(hostWeighs(evidence)
      ? []
      : ["two independent signs on one process (docs/labels.md), or a person who looks at it"]),
    ...(isCalibrated ? [] : ["a calibration of this device (assay calibrate)"]),
    isArgued
      ? `a longer look: whether ${pair.best} or ${pair.runnerUp} holds over the windows around it`
      : "a longer look, over the windows around it",
  ];
  return [...named.slice(0, MAX_SETTLING), ...rest];
}

function hostWeighs(evidence: readonly Evidence[]): boolean {
  return evidence.some(
    ({ family, weights }) =>
      (family === "host" || family === "network") &&
      Object.values(weights).some((weight) => weight !== 0),
  );
}

export function signed(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  if (Number(text) === 0) return (0).toFixed(digits);
  return value > 0 ? `+${text}` : text;
}

/** How many of the model's features were measured, and how many it has. */
export function measuredOf(
  features: FeatureValues,
  model: EvidenceModel,
): { measured: number; all: number } {
  const names = model.features.flatMap(({ feature }) => knownFeature(feature) ?? []);
  return {
    measured: names.filter((name) => features[name] !== undefined).length,
    all: names.length,
  };
}
