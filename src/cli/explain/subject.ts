import type { Evidence } from "../../model/evidence.ts";
import { DECIDABLE_LABELS } from "../../model/label.ts";
import { sanitize } from "../../model/text.ts";
import type { Slice } from "../../model/slice.ts";
import { caveatsOf, scaleOf } from "./caveats.ts";
import {
  type FeatureValues,
  featureValues,
  groupedEvidence,
  notMeasured,
  type Pair,
} from "./evidence-items.ts";
import { hostFindings } from "./host-findings.ts";
import { isOfShareAlone, ribbon, touching } from "./neighbours.ts";
import { NOT_PROVEN, ownerText } from "./plain-words.ts";
import { ruleOf, WITHOUT_SUM } from "./rule.ts";
import type { DeviceView, Scene } from "./scene.ts";
import type { Said, Subject } from "./schema.ts";
import { shortVersion } from "./short-version.ts";
import { smoothingText } from "./smoothing.ts";
import { ranked, type Sum, sumOf } from "./sum.ts";

const MAX_NOTE = 600;

/** One verdict to explain: of an owner's share, or of the device's work as a whole. */
export type Verdict = { of: "share"; slice: Slice } | { of: "device"; device: DeviceView };

export function explainVerdict(scene: Scene, verdict: Verdict): Subject {
  const { label, confidence, evidence } = verdict.of === "share" ? verdict.slice : verdict.device;
  const slice = verdict.of === "share" ? verdict.slice : undefined;
  const known = slice && slice.modelVersion !== scene.model.version ? undefined : scene.model;
  const isArgued = evidence.some(({ family }) => family !== "context");
  const isTelemetry = evidence.some(({ family }) => family === "telemetry");
  // A share of a device that others used, too, is judged by itself: nothing around it is heard.
  const isDevices = isTelemetry && !isOfShareAlone({ evidence });
  const around = isDevices ? touching(scene, known) : {};
  const { maxRelief } = scene;
  const sum = sumOf({
    evidence,
    model: known,
    maxRelief,
    ...around,
    recorded: confidence,
  });
  const pair = pairOf(label, sum);
  const signature = isDevices ? scene.here.device?.signature : undefined;
  const features = featureValues(evidence, signature);
  const missing = isTelemetry ? notMeasured(features, known, pair) : [];
  const isCalibrated = scaleOf(evidence, scene) === "calibrated";
  const shown: Sum | undefined = isArgued ? sum : undefined;
  const subject: Omit<Subject, "short"> = {
    of: verdict.of,
    owner: slice && ownerText(slice.owner),
    label,
    confidence,
    ...(isArgued ? pair : {}),
    caveats: caveatsOf(scene, slice, evidence, features, known),
    evidence: isTelemetry ? groupedEvidence(evidence, features, scene.scale, pair) : [],
    host: hostFindings(evidence),
    declared: evidence
      .filter(({ family }) => family === "declared")
      .map(({ text, weights }) => ({ text: sanitize(text, MAX_NOTE), weights })),
    noted: notes(evidence, features),
    sum: shown && plainSum(shown),
    notMeasured: missing,
    rule: ruleOf({
      label,
      confidence,
      evidence,
      model: known,
      sum,
      pair,
      missing,
      isCalibrated,
    }),
    references: signature?.references?.map((each) => ({ ...each, kernel: sanitize(each.kernel) })),
    neighbours: ribbon(scene, slice?.owner),
    smoothing: smoothingText(shown, scene, isDevices),
    notProven: [...NOT_PROVEN[label]],
  };
  return { ...subject, short: shortVersion(scene, subject, slice) };
}

/** The best label and the one after it; of a decided verdict its own label is the best. */
function pairOf(label: string, { whole, for: pro, against, host, declared }: Sum): Pair {
  const numbers =
    whole?.total ??
    Object.fromEntries(
      DECIDABLE_LABELS.map((each) => [
        each,
        pro[each] + against[each] + host[each] + declared[each],
      ]),
    );
  const order = ranked({
    "training-like": 0,
    "inference-like": 0,
    "mining-like": 0,
    other: 0,
    ...numbers,
  });
  const decided = order.find((each) => each === label);
  const [best = "other", runnerUp = "other"] = decided
    ? [decided, order.find((each) => each !== decided)]
    : order;
  return { best, runnerUp };
}

/** What was noted beside the weights, and is not told in another place already. */
function notes(evidence: readonly Evidence[], features: FeatureValues): Said[] {
  const isListed = (text: string): boolean =>
    Object.keys(features).some((feature) => text.includes(feature));
  return evidence
    .filter(({ family }) => family === "context")
    .filter(({ feature, text }) => feature !== "unweighed" || !isListed(text))
    .filter(({ feature }) => feature !== "undecided")
    .filter(({ feature, text }) => !WITHOUT_SUM[feature] && !text.startsWith("never calibrated"))
    .map(({ feature, text }) => ({ code: sanitize(feature, 60), text: sanitize(text, MAX_NOTE) }));
}

function plainSum(sum: Sum): NonNullable<Subject["sum"]> {
  const { whole, ...rest } = sum;
  return { ...rest, whole: whole && { ...whole, counted: [...whole.counted] } };
}
