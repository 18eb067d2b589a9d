import { group } from "d3-array";
import { type Label, LABELS } from "../../src/model/label.ts";
import type { Column, Piece } from "./overlay.ts";

export const COLUMNS: readonly Column[] = [...LABELS, "(none)"];

/** The labels that something can truly be: `unknown` is a verdict, not a kind of work. */
export const CLASSES = LABELS.filter((label) => label !== "unknown");

/** Absent where there is nothing to divide by. Shares are 0..1. */
export interface ClassFigures {
  supportSeconds: number;
  saidSeconds: number;
  precision?: number | undefined;
  recall?: number | undefined;
  f1?: number | undefined;
}

export interface GroupFigures {
  truthSeconds: number;
  accuracy: number;
  unknown: number;
  falseMiningSeconds: number;
}

/** What a set of labels comes to against the truth, in GPU-seconds. Shares are 0..1 of the truth. */
export interface Figures {
  truthSeconds: number;
  accuracy: number;
  /** Mean F1 of the classes that the truth holds. */
  macroF1: number;
  classes: Partial<Record<Label, ClassFigures>>;
  /** GPU-seconds by what was true and what was said; cells of zero are left out. */
  confusion: Partial<Record<Label, Partial<Record<Column, number>>>>;
  unknown: number;
  /** Truth that anything at all was said of. */
  coverage: number;
  /** GPU-seconds called mining-like that were none, and the GPU-seconds that were none. */
  falseMiningSeconds: number;
  notMiningSeconds: number;
  meanOverRecordings: number;
  meanOverFamilies: number;
}

/** @throws RangeError where there is no truth at all: every figure would be a division by zero */
export function figuresOf(pieces: readonly Piece[]): Figures {
  const truthSeconds = sum(pieces, () => true);
  if (!(truthSeconds > 0)) throw new RangeError("there is no truth to score against");
  const classes = classFigures(pieces);
  const f1s = CLASSES.flatMap((label) => classes[label]?.f1 ?? []);
  const isFalse = ({ truth, said }: Piece): boolean =>
    said === "mining-like" && truth !== "mining-like";
  const accuracies = (key: (piece: Piece) => string): number[] =>
    [...groupFigures(pieces, key).values()].map(({ accuracy }) => accuracy);
  return {
    truthSeconds,
    accuracy: sum(pieces, isRight) / truthSeconds,
    macroF1: mean(f1s),
    classes,
    confusion: confusionOf(pieces),
    unknown: sum(pieces, ({ said }) => said === "unknown") / truthSeconds,
    coverage: sum(pieces, ({ said }) => said !== "(none)") / truthSeconds,
    falseMiningSeconds: sum(pieces, isFalse),
    notMiningSeconds: sum(pieces, ({ truth }) => truth !== "mining-like"),
    meanOverRecordings: mean(accuracies(({ recording }) => recording)),
    meanOverFamilies: mean(accuracies(({ family }) => family)),
  };
}

/** Accuracy of each recording, each family, or whatever the key names, in the order of their names. */
export function groupFigures(
  pieces: readonly Piece[],
  key: (piece: Piece) => string,
): Map<string, GroupFigures> {
  const groups = [...group(pieces, key)].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    groups.flatMap(([name, own]) => {
      const truthSeconds = sum(own, () => true);
      if (!(truthSeconds > 0)) return [];
      const falseMining = ({ truth, said }: Piece): boolean =>
        said === "mining-like" && truth !== "mining-like";
      const figures = {
        truthSeconds,
        accuracy: sum(own, isRight) / truthSeconds,
        unknown: sum(own, ({ said }) => said === "unknown") / truthSeconds,
        falseMiningSeconds: sum(own, falseMining),
      };
      return [[name, figures] as const];
    }),
  );
}

export function isRight({ truth, said }: Piece): boolean {
  return truth === said;
}

function classFigures(pieces: readonly Piece[]): Figures["classes"] {
  const found: Figures["classes"] = {};
  for (const label of CLASSES) {
    const supportSeconds = sum(pieces, ({ truth }) => truth === label);
    const saidSeconds = sum(pieces, ({ said }) => said === label);
    if (supportSeconds === 0 && saidSeconds === 0) continue;
    const right = sum(pieces, (piece) => piece.truth === label && isRight(piece));
    found[label] = { supportSeconds, saidSeconds, ...rates(right, supportSeconds, saidSeconds) };
  }
  return found;
}

function rates(
  right: number,
  support: number,
  said: number,
): Pick<ClassFigures, "precision" | "recall" | "f1"> {
  // What was never said of a class that is there was never right: its precision counts as 0.
  const precision = said > 0 ? right / said : 0;
  if (support === 0) return { precision };
  const recall = right / support;
  const f1 = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { precision, recall, f1 };
}

function confusionOf(pieces: readonly Piece[]): Figures["confusion"] {
  const found: Figures["confusion"] = {};
  for (const { truth, said, seconds } of pieces) {
    if (seconds === 0) continue;
    const row = (found[truth] ??= {});
    row[said] = (row[said] ?? 0) + seconds;
  }
  return found;
}

function sum(pieces: readonly Piece[], counts: (piece: Piece) => boolean): number {
  return pieces.reduce((acc, piece) => acc + (counts(piece) ? piece.seconds : 0), 0);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
}
