import { group } from "d3-array";
import type { Label } from "../../src/model/label.ts";
import type { Truth } from "./truth.ts";

/** What was said of a second: a label, or nothing at all. */
export type Column = Label | "(none)";

/** A label that somebody gave to a stretch of one device, in Unix seconds. */
export interface Said {
  gpu: number;
  from: number;
  to: number;
  label: Label;
  /** Probability that it is right, as far as whoever said it tells, 0..1. */
  confidence?: number | undefined;
}

/** A stretch of truth with what was said of it: every figure is a sum over these. */
export interface Piece {
  recording: string;
  family: string;
  gpu: number;
  /** GPU-seconds. */
  seconds: number;
  truth: Label;
  said: Column;
  confidence?: number | undefined;
}

/**
 * Every second of the truth with the label that stands there. Where labels of one device overlap the
 * later in the list wins, so that what revises itself is scored by its last word.
 */
export function overlay(
  recording: string,
  truths: readonly Truth[],
  said: readonly Said[],
): Piece[] {
  const byGpu = group(
    said.map((each, order) => ({ ...each, order })),
    ({ gpu }) => gpu,
  );
  for (const list of byGpu.values()) list.sort((a, b) => a.from - b.from);
  return truths.flatMap((truth) => piecesOf(recording, truth, byGpu.get(truth.gpu) ?? []));
}

type Ordered = Said & { order: number };

function piecesOf(recording: string, truth: Truth, said: readonly Ordered[]): Piece[] {
  const near = said.filter(({ from, to }) => from < truth.to && to > truth.from);
  const within = (at: number): number => Math.min(Math.max(at, truth.from), truth.to);
  const edges = near.flatMap(({ from, to }) => [within(from), within(to)]);
  const cuts = [...new Set([truth.from, ...edges, truth.to])].sort((a, b) => a - b);
  const pieces: Piece[] = [];
  let [active, next]: [Ordered[], number] = [[], 0];
  for (const [i, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[i + 1] ?? from;
    for (let each = near[next]; each && each.from <= from; each = near[next]) {
      active.push(each);
      next += 1;
    }
    active = active.filter((each) => each.to > from);
    const last = active.reduce<Ordered | undefined>(
      (best, each) => (best && best.order > each.order ? best : each),
      undefined,
    );
    pieces.push({ ...piece(recording, truth, last), seconds: to - from });
  }
  return pieces;
}

function piece(recording: string, truth: Truth, last: Said | undefined): Omit<Piece, "seconds"> {
  const said = last?.label ?? "(none)";
  return {
    recording,
    family: truth.family ?? recording,
    gpu: truth.gpu,
    truth: last && isEither(truth, last.label) ? last.label : truth.label,
    said,
    confidence: last?.confidence,
  };
}

/** Where honest work of several kinds shared a device, naming any of them is right. */
function isEither({ labels }: Truth, said: Label): boolean {
  return labels !== undefined && !labels.includes("mining-like") && labels.includes(said);
}
