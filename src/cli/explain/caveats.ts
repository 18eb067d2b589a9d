import { windowLengthMs } from "../../model/window.ts";
import type { EvidenceModel } from "../../classify/evidence-model.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { Slice } from "../../model/slice.ts";
import { type FeatureValues } from "./evidence-items.ts";
import { percent } from "./own-units.ts";
import { measuredOf } from "./rule.ts";
import type { Scene } from "./scene.ts";
import type { Said } from "./schema.ts";

/** Below it a window is told by few readings. */
const FEW_SAMPLES = 5;
const WEAK_BASES: ReadonlySet<string> = new Set<Slice["basis"]>([
  "memory-held",
  "equal-split",
  "unmeasured-rest",
  "mps-memory-held",
  "mps-equal-split",
]);

/** Why a label is to be taken with care, by the quality of what it was made from. */
export function caveatsOf(
  scene: Scene,
  slice: Slice | undefined,
  evidence: readonly Evidence[],
  features: FeatureValues,
  model: EvidenceModel | undefined,
): Said[] {
  const { here, simulated } = scene;
  const scale = isTelemetry(evidence) ? scaleOf(evidence, scene) : undefined;
  const isArgued = evidence.some(({ family }) => family !== "context");
  const told: (Said | undefined)[] = [
    said(simulated, "simulated", "simulated: no real device was measured"),
    missingTime(scene),
    said(
      here.device !== undefined && here.device.signature.sampleCount < FEW_SAMPLES,
      "few-samples",
      `few readings in the window: ${here.device?.signature.sampleCount ?? 0}`,
    ),
    model && fewFeatures(evidence, features, model),
    said(
      slice !== undefined && WEAK_BASES.has(slice.basis),
      "weak-share",
      "how the device was shared is a rough estimate",
    ),
    said(
      scale === "public-limits",
      "never-calibrated",
      "never calibrated: levels are read on the public limits of the device's model, not on this very device",
    ),
    said(
      scale === "none",
      "no-scale",
      "never calibrated, and no limits of the device's model are known: levels are left out",
    ),
    model && isArgued ? modelCaveat(model) : undefined,
  ];
  return told.filter((each) => each !== undefined);
}

function said(holds: boolean, code: string, text: string): Said | undefined {
  return holds ? { code, text } : undefined;
}

/** On which scale levels were read: told by the signature, or by the note that each verdict carries. */
export function scaleOf(
  evidence: readonly Evidence[],
  { here }: Scene,
): "calibrated" | "public-limits" | "none" | undefined {
  if (here.device) return here.device.signature.scale;
  const text = evidence.find(
    ({ feature, family }) => family === "context" && feature === "scale",
  )?.text;
  if (text === undefined) return undefined;
  if (text.startsWith("never calibrated:")) return "public-limits";
  return text.startsWith("never calibrated,") ? "none" : "calibrated";
}

function modelCaveat({ fitted, version }: EvidenceModel): Said | undefined {
  if (!fitted)
    return {
      code: "not-fitted",
      text: `the model ${version} is set from physics and fitted to no recording, so its probabilities are a first estimate`,
    };
  return said(
    fitted.simulated,
    "fitted-to-simulated",
    `the model ${version} was fitted to simulated recordings: it is for tests alone`,
  );
}

function fewFeatures(
  evidence: readonly Evidence[],
  features: FeatureValues,
  model: EvidenceModel,
): Said | undefined {
  if (!isTelemetry(evidence)) return undefined;
  const { measured, all } = measuredOf(features, model);
  return said(
    measured < all / 2,
    "few-features",
    `few features: ${measured} of the ${all} that the model weighs were measured`,
  );
}

function missingTime({ here }: Scene): Said | undefined {
  const missingMs = here.slices
    .filter(({ owner }) => owner.kind === "unobserved")
    .reduce((sum, { timeMs }) => sum + timeMs, 0);
  const share = missingMs / windowLengthMs(here.window);
  return said(
    missingMs > 0,
    "not-measured",
    `${(missingMs / 1000).toFixed(1)} s of the window (${percent(share)}) were not measured`,
  );
}

function isTelemetry(evidence: readonly Evidence[]): boolean {
  return evidence.some(({ family }) => family === "telemetry");
}
