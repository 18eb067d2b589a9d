/** What a fit is worth on families that it has not seen: the whole fit is made anew without each. */
import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import { sameWork } from "../../src/classify/continuity.ts";
import {
  decide,
  type Scores,
  scoresOf,
  smooth,
  telemetryEvidence,
  unseenEvidence,
  type Verdict,
} from "../../src/classify/score.ts";
import { windowVerdict } from "../../src/classify/window-verdict.ts";
import { type Label, LABELS } from "../../src/model/label.ts";
import { AssayError } from "../../src/model/errors.ts";
import { figuresOf } from "../accuracy/figures.ts";
import type { Piece } from "../accuracy/overlay.ts";
import type { LabelledWindow } from "../labelled.ts";
import { fitModel, type FitOptions } from "./fit.ts";
import { fitLabel, timesOfWindow } from "./rows.ts";

export type LeftOut = NonNullable<EvidenceModel["fitted"]>["leaveOneFamilyOut"];

/** A window as its neighbours see it. */
interface Told {
  scores: Scores;
  isBusy: boolean;
  memUsedShare: number | undefined;
}

/**
 * What a model says of windows by their telemetry alone, smoothed over neighbours as it is live; who
 * held the device is not known any more, so memory alone tells where one piece of work ends.
 */
export function labelsBy(model: EvidenceModel, windows: readonly LabelledWindow[]): Label[] {
  const told = windows.map(({ result }): Told => {
    const scores = scoresOf(telemetryEvidence(result.signature, model), model);
    const isBusy = timesOfWindow(result).busyMs > 0;
    return { scores, isBusy, memUsedShare: result.signature.features.memUsedShare };
  });
  const edges = new Map<string, Told>();
  for (const [place, window] of windows.entries()) {
    const own = told[place];
    if (!own?.isBusy) continue;
    edges.set(edgeOf(window, "from"), own);
    edges.set(edgeOf(window, "to"), own);
  }
  return windows.map((window, place) => {
    const { signature } = window.result;
    const own = told[place];
    if (!own) return "unknown";
    const around = [
      edges.get(edgeOf(window, "to", window.result.window.fromMs)),
      edges.get(edgeOf(window, "from", window.result.window.toMs)),
    ].flatMap((near) => (near && own.isBusy && sameWork(near, own) ? [near.scores] : []));
    const smoothed = smooth(own.scores, around, model.decision.neighbourWeight);
    const evidence = [...telemetryEvidence(signature, model), ...unseenEvidence(signature, model)];
    const decided = (): Verdict => decide(smoothed, evidence, model);
    return windowVerdict(timesOfWindow(window.result), decided, model).label;
  });
}

function edgeOf(
  { recording, result: { gpu, window } }: LabelledWindow,
  edge: "from" | "to",
  atMs = edge === "from" ? window.fromMs : window.toMs,
): string {
  return JSON.stringify([recording, gpu.uuid, edge, atMs]);
}

/** GPU-seconds of truth with what a model says of them, for `figuresOf`. */
export function piecesOf(model: EvidenceModel, windows: readonly LabelledWindow[]): Piece[] {
  const said = labelsBy(model, windows);
  return windows.flatMap(({ recording, family, result, truthSeconds }, place) =>
    LABELS.flatMap((truth) => {
      const seconds = truthSeconds[truth] ?? 0;
      const own = { recording, family, gpu: result.gpu.index, truth };
      return seconds > 0 ? [{ ...own, said: said[place] ?? "unknown", seconds }] : [];
    }),
  );
}

/**
 * Leaves each family out in turn, with all of every recording that it is in, fits everything anew
 * (bins, strength, thresholds) and labels it.
 * @param onFamily is told before each
 * @throws AssayError `fit/families` before any fit, where one would have nothing to be made of
 */
export function leaveOneFamilyOut(
  windows: readonly LabelledWindow[],
  base: EvidenceModel,
  options: FitOptions = {},
  onFamily: (family: string, place: number, of: number) => void = () => {},
): Piece[] {
  const families = [...new Set(windows.map(({ family }) => family))].sort();
  const isFitted = (window: LabelledWindow): boolean =>
    fitLabel(window, base.activity.windowIdleBelowShare) !== undefined;
  const folds = families.map((left) => {
    const own = windows.filter(({ family }) => family === left);
    const recordings = new Set(own.map(({ recording }) => recording));
    const near = windows.filter(({ recording }) => recordings.has(recording));
    const others = windows.filter(({ recording }) => !recordings.has(recording));
    // What no fit looks at, such as rest, is left out of all of them alike.
    const takesPart = near.some(isFitted);
    if (takesPart && !others.some(isFitted)) throw nothingLeft(left, recordings);
    return { left, near, others, takesPart };
  });
  let whole: EvidenceModel | undefined;
  return folds.flatMap(({ left, near, others, takesPart }, place) => {
    onFamily(left, place, families.length);
    const model = takesPart
      ? fitModel(others, base, options)
      : (whole ??= fitModel(windows, base, options));
    return piecesOf(model, near).filter(({ family }) => family === left);
  });
}

/** A fit to nothing is the base: what it scores would pass for what the fit is worth. */
function nothingLeft(family: string, recordings: ReadonlySet<string>): AssayError {
  return new AssayError(
    "fit/families",
    `without ${family}, and all of every recording that it is in, nothing is left to fit on: what a fit is worth cannot be told`,
    {
      place: [...recordings].sort().join(", "),
      hint: "record one workload a recording, as npm run campaign makes them",
    },
  );
}

/** Shares rounded to four decimals, for the model file. */
export function leftOutFigures(pieces: readonly Piece[]): LeftOut {
  const { accuracy, macroF1, unknown, falseMiningSeconds } = figuresOf(pieces);
  const rounded = (share: number): number => Math.round(share * 10_000) / 10_000;
  return {
    accuracy: rounded(accuracy),
    macroF1: rounded(macroF1),
    unknown: rounded(unknown),
    falseMiningSeconds: Math.round(falseMiningSeconds * 10) / 10,
  };
}
