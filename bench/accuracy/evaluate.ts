import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import { AssayError } from "../../src/model/errors.ts";
import type { Feature } from "../../src/model/signature.ts";
import { honest, withTruth } from "../labelled.ts";
import { type FitRecording, type Fitter, modelsByFold } from "./fitting.ts";
import { runFacts } from "./facts.ts";
import { labelled } from "./label.ts";
import { type OpenRecording, openRecording } from "./open.ts";
import { resultOf, type SetKind, type SetResult } from "./result.ts";
import { type Models, type RunScore, scoreRun } from "./run-score.ts";

export interface EvaluationPlan {
  kind: SetKind;
  /** The model that ships. */
  model: EvidenceModel;
  /** Given for recordings of our own: they are judged by models that saw nothing of their family. */
  fitter?: Fitter | undefined;
  without: readonly Feature[];
}

/** A recording that was not scored, and why. */
export interface Unscored {
  file: string;
  why: string;
  /** False where nothing is wrong with it: it is simulated, or tells no truth. */
  failed: boolean;
}

export interface Evaluation {
  /** Absent where not one recording could be scored. */
  result?: SetResult | undefined;
  unscored: Unscored[];
}

/** Scores recordings one after the other; one that cannot be read costs nothing but itself. */
export async function evaluate(
  files: readonly string[],
  { kind, model, fitter, without }: EvaluationPlan,
): Promise<Evaluation> {
  if (kind === "foreign" && fitter)
    throw new RangeError("recordings of other people are never fitted on");
  const { originals, copies: unscored } = withoutCopies(files);
  const models: Models = fitter ? await fitted(originals, model, fitter) : { shipped: model };
  const runs: RunScore[] = [];
  for (const file of originals) {
    const read = await opened(file);
    if ("why" in read) unscored.push(read);
    else runs.push(scoreRun(read, models, without));
  }
  const options = { kind, model, scoring: fitter ? "folds" : "plain", without } as const;
  return { result: runs.length > 0 ? resultOf(runs, options) : undefined, unscored };
}

/** The same bytes under two names are one observation: counted twice they would make a bound look tighter. */
function withoutCopies(files: readonly string[]): { originals: string[]; copies: Unscored[] } {
  const byHash = new Map<string, string>();
  const copies: Unscored[] = [];
  for (const file of files) {
    const hash = hashOf(file);
    const first = byHash.get(hash);
    if (first === undefined) byHash.set(hash, file);
    else copies.push({ file, failed: false, why: `it holds the same bytes as ${first}` });
  }
  return { originals: [...byHash.values()], copies };
}

/** What cannot be read is like nothing else: why it cannot is said when it is opened. */
function hashOf(file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return file;
  }
}

/** Reads all recordings once, to fit on; what cannot be read is said when it is scored. */
async function fitted(
  files: readonly string[],
  shipped: EvidenceModel,
  fitter: Fitter,
): Promise<Models> {
  const recordings: FitRecording[] = [];
  for (const file of files) {
    const read = await opened(file);
    if (!("why" in read)) recordings.push(forFitting(read, fitter.base));
  }
  const devices = new Set(recordings.flatMap((recording) => [...recording.devices]));
  return {
    shipped: recordings.length > 0 ? fitter.base : shipped,
    byFamily: modelsByFold(recordings, "families", fitter),
    byDevice: devices.size > 1 ? modelsByFold(recordings, "devices", fitter) : undefined,
  };
}

function forFitting(recording: OpenRecording, model: EvidenceModel): FitRecording {
  const { families, devices } = runFacts(recording);
  const { results } = labelled(recording.observations, { model });
  return {
    families,
    devices,
    windows: honest(
      results.flatMap((result) => withTruth(recording.truths.devices, recording.name, result)),
      recording.truths.devices,
    ),
  };
}

async function opened(file: string): Promise<OpenRecording | Unscored> {
  try {
    const recording = await openRecording(file);
    if (recording.simulated)
      return { file, failed: false, why: "it is simulated, and no accuracy is measured on those" };
    if (!recording.truths.devices.some(({ from, to }) => to > from))
      return { file, failed: false, why: "it tells no truth about a device" };
    return recording;
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    return { file, failed: true, why: error.report() };
  }
}
