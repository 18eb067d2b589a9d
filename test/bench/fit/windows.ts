/** Windows with truth made up from seeded distributions: they test a fit, and say nothing of GPUs. */
import type { EvidenceModel } from "../../../src/classify/evidence-model.ts";
import type { Label } from "../../../src/model/label.ts";
import type { Feature, Signature } from "../../../src/model/signature.ts";
import type { LabelledWindow } from "../../../bench/labelled.ts";
import { seeded } from "../../support/seeded.ts";

export type Features = Signature["features"];

export interface WindowSpec {
  family: string;
  label: Label;
  features: Features;
  recording?: string;
  /** Place in its recording, in windows of ten seconds. */
  place?: number;
  gpu?: number;
  truthSeconds?: LabelledWindow["truthSeconds"];
  idleMs?: number;
  simulated?: boolean;
}

const WINDOW_MS = 10_000;

export function labelledWindow(spec: WindowSpec): LabelledWindow {
  const { family, label, features, place = 0, gpu = 0, idleMs = 0, simulated = false } = spec;
  const window = { fromMs: place * WINDOW_MS, toMs: (place + 1) * WINDOW_MS };
  const gpuUuid = `GPU-${gpu}`;
  const slice = {
    node: "n",
    gpuUuid,
    ...window,
    basis: "no-process-source" as const,
    label: "unknown" as const,
    confidence: 0,
    evidence: [],
    modelVersion: "m",
    agentVersion: "a",
    simulated,
  };
  return {
    recording: spec.recording ?? family,
    family,
    truthSeconds: spec.truthSeconds ?? { [label]: WINDOW_MS / 1000 },
    result: {
      node: "n",
      simulated,
      gpu: { index: gpu, uuid: gpuUuid, model: "made up" },
      window,
      signature: {
        gpuUuid,
        window,
        features,
        scale: "none",
        sampleCount: 10,
        workReadings: 100,
        isStill: false,
        coveredMs: WINDOW_MS,
      },
      slices: [
        { ...slice, owner: { kind: "unattributed", id: "" }, timeMs: WINDOW_MS - idleMs },
        { ...slice, owner: { kind: "idle", id: "" }, timeMs: idleMs },
      ],
      label: "unknown",
      confidence: 0,
      evidence: [],
    },
  };
}

/** A base with weights on two features and none on the others. */
export const BASE: EvidenceModel = {
  version: "physics-toy",
  origin: "Set for a test.",
  activity: { idleBelowUtil: 0.05, windowIdleBelowShare: 0.1, reason: "test" },
  prior: { weights: { "mining-like": -1.5, other: -0.5 }, reason: "test" },
  decision: {
    minGroups: 1,
    minMiningReadings: 1,
    minConfidence: 0.5,
    minMiningConfidence: 0.8,
    neighbourWeight: 0.5,
    temperature: 1,
    minSupport: -6,
    maxUnseenFeatures: 1,
    reason: "test",
  },
  features: [
    {
      feature: "intActive",
      says: "share of time the integer units worked",
      bins: [
        { below: 0.45, weights: { "mining-like": -0.5 }, reason: "integer units rest" },
        { weights: { "mining-like": 1 }, reason: "integer units dominate" },
      ],
    },
    {
      feature: "fp64Active",
      says: "share of time the double-precision units worked",
      bins: [
        { below: 0.02, weights: {}, reason: "no double precision" },
        { weights: { other: 2.5, "training-like": -2 }, reason: "double precision" },
      ],
    },
  ],
};

export type Kind = Exclude<Label, "idle" | "unknown">;

/** Where each label's values of two features lie: four kinds of work that can be told apart. */
const CENTRES: Record<Kind, [intActive: number, tensorActive: number]> = {
  "training-like": [0.1, 0.8],
  "inference-like": [0.2, 0.35],
  "mining-like": [0.8, 0.05],
  other: [0.5, 0.15],
};

export interface ToySpec {
  familiesPerLabel?: number;
  windowsPerFamily?: number;
  /** Half the width of the noise around a label's centre. */
  noise?: number;
  seed?: number;
  more?: (random: () => number, kind: Kind) => Features;
}

/** Separable families of every label, by `intActive` and `tensorActive`. */
export function toyWindows(spec: ToySpec = {}): LabelledWindow[] {
  const { familiesPerLabel = 4, windowsPerFamily = 8, noise = 0.06, seed = 1, more } = spec;
  const random = seeded(seed);
  const around = (centre: number): number => Math.max(0, centre + noise * (2 * random() - 1));
  return KINDS.flatMap((label) =>
    Array.from({ length: familiesPerLabel }, (_, f) =>
      Array.from({ length: windowsPerFamily }, (__, place) => {
        const [intActive, tensorActive] = CENTRES[label].map(around);
        const features = { intActive, tensorActive, ...more?.(random, label) };
        return labelledWindow({ family: `${label.slice(0, 5)}-${f}`, label, features, place });
      }),
    ).flat(),
  );
}

export const KINDS: readonly Kind[] = ["training-like", "inference-like", "mining-like", "other"];

/** The weights of the bin that a value falls into. */
export function weightsOf(model: EvidenceModel, feature: Feature, value: number) {
  const found = model.features.find((entry) => entry.feature === feature);
  return found?.bins.find(({ below }) => below === undefined || value < below);
}
