import { CLASSES } from "../figures.ts";
import { foldsBy } from "../folds.ts";
import { overlay, type Piece, type Said } from "../overlay.ts";
import type { Truth } from "../truth.ts";
import { forestShares, growForest } from "./forest.ts";
import { nearestNeighbours } from "./neighbours.ts";
import { floorRule, type Rule, steadyRule, thresholdRule, varianceRule } from "./rules.ts";
import { MISSING, type PeerWindow } from "./signals.ts";
import type { Examples } from "./tree.ts";

/** What peers are given of a recording. */
export interface PeerRecording {
  name: string;
  families: ReadonlySet<string>;
  truths: readonly Truth[];
  windows: readonly PeerWindow[];
}

/** Learns from examples. @returns shares of the classes for a row */
export type Learner = (examples: Examples) => (row: readonly number[]) => readonly number[];

export interface Peer {
  name: string;
  /** Whether it learnt from other families of the very recordings that it is judged on. */
  fitted: boolean;
  pieces: Piece[];
}

const SEED = 20260619;
const TREES = 50;
const NEIGHBOURS = 5;

const forest: Learner = (examples) => {
  const grown = growForest(examples, { trees: TREES, seed: SEED });
  return (row) => forestShares(grown, row);
};

const neighbours: Learner = (examples) => nearestNeighbours(examples, NEIGHBOURS);

interface Learnt {
  name: string;
  learner: Learner;
  /** Whether signals that some run lacks are left out: else what is missing tells the source. */
  commonOnly: boolean;
}

const LEARNERS: readonly Learnt[] = [
  { name: "random forest on nine NVML signals", learner: forest, commonOnly: false },
  { name: "random forest on the signals that every run has", learner: forest, commonOnly: true },
  { name: "five nearest neighbours on nine NVML signals", learner: neighbours, commonOnly: false },
  {
    name: "five nearest neighbours on the signals that every run has",
    learner: neighbours,
    commonOnly: true,
  },
];

const RULES: Readonly<Record<string, Rule>> = {
  "power > 400 W, tensor share or NVLink rhythm means training": thresholdRule,
  "variance means training": varianceRule,
  "high and steady means mining": steadyRule,
  "floor: idle under 1 % utilisation, else training": floorRule,
};

/** Each peer's labels of the same windows, scored in the same way. */
export function peersOn(recordings: readonly PeerRecording[]): Peer[] {
  const common = onCommonSignals(recordings);
  const learnt = LEARNERS.map(({ name, learner, commonOnly }) => ({
    name,
    fitted: true,
    pieces: leaveOneFamilyOut(commonOnly ? common : recordings, learner),
  }));
  const ruled = Object.entries(RULES).map(([name, rule]) => ({
    name,
    fitted: false,
    pieces: recordings.flatMap(({ name: recording, truths, windows }) =>
      overlay(
        recording,
        truths,
        windows.map((window) => said(window, rule(window))),
      ),
    ),
  }));
  return [...learnt, ...ruled];
}

/** The same windows without the columns that a whole recording never measured. */
function onCommonSignals(recordings: readonly PeerRecording[]): PeerRecording[] {
  const columns = [...(recordings[0]?.windows[0]?.features.keys() ?? [])].filter((column) =>
    recordings.every(({ windows }) => windows.some(({ features }) => features[column] !== MISSING)),
  );
  return recordings.map((recording) => ({
    ...recording,
    windows: recording.windows.map((window) => ({
      ...window,
      features: columns.map((column) => window.features[column] ?? MISSING),
    })),
  }));
}

/** Learns from the recordings that hold nothing of a family, and is judged on that family's truth. */
export function leaveOneFamilyOut(recordings: readonly PeerRecording[], learner: Learner): Piece[] {
  return foldsBy(recordings, ({ families }) => families).flatMap(({ leftOut, test, train }) => {
    const examples = examplesOf(train.flatMap(({ windows }) => windows));
    const shares = examples.rows.length > 0 ? learner(examples) : undefined;
    return test.flatMap(({ name, truths, windows }) =>
      overlay(
        name,
        truths.filter(({ family }) => (family ?? name) === leftOut),
        windows.map((window) => {
          const found = window.samples.length > 0 ? shares?.(window.features) : undefined;
          return said(window, found ? best(found) : "unknown");
        }),
      ),
    );
  });
}

function examplesOf(windows: readonly PeerWindow[]): Examples {
  const told = windows.flatMap(({ truth, samples, features }) => {
    const own = CLASSES.findIndex((label) => label === truth);
    return own < 0 || samples.length === 0 ? [] : [{ features, own }];
  });
  return {
    rows: told.map(({ features }) => features),
    classes: told.map(({ own }) => own),
    classCount: CLASSES.length,
  };
}

function best(shares: readonly number[]): Said["label"] {
  const top = Math.max(...shares);
  return CLASSES[shares.indexOf(top)] ?? "unknown";
}

function said({ gpu, from, to }: PeerWindow, label: Said["label"]): Said {
  return { gpu, from, to, label };
}
