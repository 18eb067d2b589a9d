import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import type { LabelledWindow } from "../labelled.ts";
import { foldsBy } from "./folds.ts";

/** Makes a model of windows with truth. The base gives what is not fitted, and must itself be fitted to nothing. */
export interface Fitter {
  fit: (windows: readonly LabelledWindow[], base: EvidenceModel) => EvidenceModel;
  base: EvidenceModel;
}

/** A recording as a fitter sees it. */
export interface FitRecording {
  families: ReadonlySet<string>;
  devices: ReadonlySet<string>;
  windows: readonly LabelledWindow[];
}

/** By what was left out: a model that has seen nothing of it; absent where nothing else is there. */
export type FoldModels = ReadonlyMap<string, EvidenceModel>;

/** One model for every family of work, and one for every device model. */
export function modelsByFold(
  recordings: readonly FitRecording[],
  leftOut: "families" | "devices",
  { fit, base }: Fitter,
): FoldModels {
  const models = new Map<string, EvidenceModel>();
  for (const fold of foldsBy(recordings, (recording) => recording[leftOut])) {
    const windows = fold.train.flatMap((recording) => recording.windows);
    if (windows.length > 0) models.set(fold.leftOut, fit(windows, base));
  }
  return models;
}
