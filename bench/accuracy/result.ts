import { createHash } from "node:crypto";
import { type EvidenceModel } from "../../src/classify/evidence-model.ts";
import type { Feature, FeatureGroup } from "../../src/model/signature.ts";
import { seededRandom } from "../demo/random.ts";
import { type DetectionFigures, detectionFigures } from "./detection.ts";
import { type DataFacts, dataFacts, runTitles } from "./facts.ts";
import { type FalseMining, falseMiningOf } from "./false-mining.ts";
import { type Figures, figuresOf, type GroupFigures, groupFigures } from "./figures.ts";
import { isArgued, type Reliability, reliabilityOf } from "./reliability.ts";
import type { Piece } from "./overlay.ts";
import { peersOn } from "./peers/peers.ts";
import { GROUP_NAMES, type RunScore } from "./run-score.ts";

/** Which draws the bootstrap makes: the same interval for the same recordings. */
const SEED = 19_951_121;

/** Own recordings may be fitted on and are judged fold by fold; others are judged as they are. */
export type SetKind = "own" | "foreign";

export interface Brief {
  accuracy: number;
  macroF1: number;
  unknown: number;
  falseMiningSeconds: number;
}

export interface NamedFigures extends GroupFigures {
  name: string;
  /** The shipped model was fitted on work of this family. */
  seen: boolean;
}

/** Everything that one scoring says: what is printed, and what the page is made of. */
export interface SetResult {
  kind: SetKind;
  model: { version: string; hash: string; fittedOn: number };
  /** `folds`: each family by a model that saw nothing of it; `plain`: by the model that ships. */
  scoring: "folds" | "plain";
  figures: Figures;
  /** Over all labels but `unknown`, and over those alone that are argued. */
  reliability: Reliability;
  arguedError?: number | undefined;
  falseMining?: FalseMining | undefined;
  detection?: DetectionFigures | undefined;
  detectionByFamily: { family: string; figures: DetectionFigures }[];
  processes?: Figures | undefined;
  /** By models that saw no device of its model; absent where nothing was fitted, or one is all there is. */
  deviceOut?: Brief | undefined;
  runs: NamedFigures[];
  families: NamedFigures[];
  ablation: (Brief & { group: FeatureGroup; measuredIn: number })[];
  without?: (Brief & { features: readonly Feature[] }) | undefined;
  peers: (Brief & { name: string; fitted: boolean })[];
  data: DataFacts;
}

export interface ResultOptions {
  kind: SetKind;
  model: EvidenceModel;
  scoring: SetResult["scoring"];
  without: readonly Feature[];
}

/** @throws RangeError where no recording has any truth */
export function resultOf(runs: readonly RunScore[], options: ResultOptions): SetResult {
  const pieces = runs.flatMap((run) => run.pieces);
  const claims = pieces.filter(({ said }) => said !== "unknown");
  const processes = runs.flatMap((run) => run.processes);
  const deviceOut = runs.flatMap((run) => run.deviceOut);
  const { kind, model, scoring, without } = options;
  return {
    kind,
    model: {
      version: model.version,
      hash: hashOf(model),
      fittedOn: model.fitted?.recordings.length ?? 0,
    },
    scoring,
    figures: figuresOf(pieces),
    reliability: reliabilityOf(claims),
    arguedError: reliabilityOf(claims.filter(isArgued)).expectedError,
    falseMining: falseMiningOf(pieces, seededRandom(SEED)),
    ...detections(runs),
    processes: processes.length > 0 ? figuresOf(processes) : undefined,
    deviceOut: deviceOut.length > 0 ? briefOf(deviceOut) : undefined,
    ...named(runs, pieces, model),
    ablation: GROUP_NAMES.map((group) => ({
      group,
      measuredIn: runs.filter(({ measured }) => measured.has(group)).length,
      ...briefOf(runs.flatMap(({ ablated }) => ablated.get(group) ?? [])),
    })),
    without:
      without.length > 0
        ? { features: without, ...briefOf(runs.flatMap((run) => run.without)) }
        : undefined,
    peers: peersOn(runs.map(peerRecording)).map(({ name, fitted, pieces: own }) => ({
      name,
      fitted,
      ...briefOf(own),
    })),
    data: dataFacts(runs.map(({ facts }) => facts)),
  };
}

export function briefOf(pieces: readonly Piece[]): Brief {
  const { accuracy, macroF1, unknown, falseMiningSeconds } = figuresOf(pieces);
  return { accuracy, macroF1, unknown, falseMiningSeconds };
}

/** Names the weights themselves: a version that was changed in silence shows. */
export function hashOf(model: EvidenceModel): string {
  return createHash("sha256").update(JSON.stringify(model)).digest("hex").slice(0, 12);
}

function detections(runs: readonly RunScore[]): Pick<SetResult, "detection" | "detectionByFamily"> {
  const found = runs.flatMap((run) => run.detections);
  const families = [...new Set(found.map(({ family }) => family))].sort();
  return {
    detection: detectionFigures(found),
    detectionByFamily: families.flatMap((family) => {
      const figures = detectionFigures(found.filter((each) => each.family === family));
      return figures ? [{ family, figures }] : [];
    }),
  };
}

function named(
  runs: readonly RunScore[],
  pieces: readonly Piece[],
  model: EvidenceModel,
): Pick<SetResult, "runs" | "families"> {
  const fitted = new Set(model.fitted?.recordings.flatMap(({ families }) => families));
  const titles = runTitles(runs.map(({ facts }) => facts));
  const familiesOf = new Map(runs.map(({ facts }) => [facts.recording, facts.families]));
  const byRun = [...groupFigures(pieces, ({ recording }) => recording)];
  return {
    runs: byRun.map(([recording, figures]) => ({
      ...figures,
      name: titles.get(recording) ?? recording,
      seen: [...(familiesOf.get(recording) ?? [])].some((family) => fitted.has(family)),
    })),
    families: [...groupFigures(pieces, ({ family }) => family)].map(([family, figures]) => ({
      ...figures,
      name: family,
      seen: fitted.has(family),
    })),
  };
}

function peerRecording({ facts, truths, peerWindows }: RunScore) {
  return { name: facts.recording, families: facts.families, truths, windows: peerWindows };
}
