import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import type { WindowResult } from "../../src/pipeline/events.ts";
import { FEATURE_GROUPS, type Feature, type FeatureGroup } from "../../src/model/signature.ts";
import { type Detection, detectionOf, miningRuns } from "./detection.ts";
import { type RunFacts, runFacts } from "./facts.ts";
import type { FoldModels } from "./fitting.ts";
import { type Labelled, labelled, processPieces } from "./label.ts";
import type { OpenRecording } from "./open.ts";
import { overlay, type Piece } from "./overlay.ts";
import { peerWindows, type PeerWindow } from "./peers/signals.ts";
import type { Truth } from "./truth.ts";

export const GROUP_NAMES = Object.keys(FEATURE_GROUPS).filter(
  (name): name is FeatureGroup => name in FEATURE_GROUPS,
);

/** Which model labels what: that of the fold where one was fitted, else the one that ships. */
export interface Models {
  shipped: EvidenceModel;
  byFamily?: FoldModels | undefined;
  byDevice?: FoldModels | undefined;
}

/** Everything that is kept of one recording once it was labelled. */
export interface RunScore {
  facts: RunFacts;
  truths: readonly Truth[];
  pieces: Piece[];
  /** With a group of features left out. Only groups that were measured at all are labelled anew. */
  ablated: ReadonlyMap<FeatureGroup, Piece[]>;
  /** Groups of which anything was measured here. */
  measured: ReadonlySet<FeatureGroup>;
  /** With the features left out that were asked for. */
  without: Piece[];
  /** By models that saw nothing of the device's kind. */
  deviceOut: Piece[];
  detections: Detection[];
  processes: Piece[];
  peerWindows: readonly PeerWindow[];
}

export const familyOf = ({ family }: Truth, recording: string): string => family ?? recording;

/** Labels a recording with every model and every set of features that it is to be judged by. */
export function scoreRun(
  recording: OpenRecording,
  models: Models,
  without: readonly Feature[],
): RunScore {
  const parts = partsBy(recording, ({ family }) => models.byFamily?.get(family) ?? models.shipped);
  const whole = parts.map((part) => ({ ...part, ...labelled(recording.observations, part) }));
  const results = whole[0]?.results ?? [];
  const measured = new Set(GROUP_NAMES.filter((group) => isMeasured(results, group)));
  const pieces = whole.flatMap((part) => scored(recording, part, part));
  const again = (leaveOut: readonly Feature[]): Piece[] =>
    parts.flatMap((part) =>
      scored(recording, part, labelled(recording.observations, { ...part, leaveOut })),
    );
  const ablated = new Map<FeatureGroup, Piece[]>();
  for (const group of GROUP_NAMES)
    ablated.set(group, measured.has(group) ? again(FEATURE_GROUPS[group]) : pieces);
  return {
    facts: runFacts(recording),
    truths: recording.truths.devices,
    pieces,
    ablated,
    measured,
    without: without.length > 0 ? again(without) : pieces,
    deviceOut: models.byDevice ? deviceOut(recording, models.byDevice) : [],
    detections: whole.flatMap(({ truths, provisional, final }) =>
      miningRuns(recording.name, truths).map((run) => detectionOf(run, provisional, final)),
    ),
    processes: whole.flatMap((part) => processPieces(recording, part.processes, part.results)),
    peerWindows: peerWindows(recording.observations, results, recording.truths.devices),
  };
}

/** The truth that one model is judged on. */
interface Part {
  model: EvidenceModel;
  truths: Truth[];
  processes: Truth[];
}

function partsBy(
  { name, truths, devices }: OpenRecording,
  modelOf: (of: { family: string; device: string }) => EvidenceModel | undefined,
): Part[] {
  const parts = new Map<EvidenceModel, Part>();
  const partOf = (truth: Truth): Part | undefined => {
    const of = { family: familyOf(truth, name), device: devices.get(truth.gpu) ?? "" };
    const model = modelOf(of);
    if (!model) return undefined;
    const part = parts.get(model) ?? { model, truths: [], processes: [] };
    parts.set(model, part);
    return part;
  };
  for (const truth of truths.devices) partOf(truth)?.truths.push(truth);
  for (const truth of truths.processes) partOf(truth)?.processes.push(truth);
  return [...parts.values()];
}

function scored({ name }: OpenRecording, { truths }: Part, { final }: Labelled): Piece[] {
  return overlay(name, truths, final);
}

function deviceOut(recording: OpenRecording, models: FoldModels): Piece[] {
  return partsBy(recording, ({ device }) => models.get(device)).flatMap((part) =>
    scored(recording, part, labelled(recording.observations, { model: part.model })),
  );
}

function isMeasured(results: readonly WindowResult[], name: FeatureGroup): boolean {
  const own: readonly Feature[] = FEATURE_GROUPS[name];
  return results.some(({ signature }) =>
    own.some((each) => signature.features[each] !== undefined),
  );
}
