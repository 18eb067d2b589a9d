import type { LedgerReader, StoredSlice } from "../../ledger/contract.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { Label } from "../../model/label.ts";
import type { ShareBasis } from "../../model/slice.ts";
import type { Window } from "../../model/window.ts";

/** Neighbouring slices of one device and label, and the one among them that is least certain. */
export interface Stretch extends Window {
  gpuUuid: string;
  label: Label;
  timeMs: number;
  slices: number;
  leastConfidence: number;
  basis: ShareBasis;
  modelVersion: string;
  /** Where a correction holds of it: its act, and the label that was written. */
  corrected?: { act: string; label: Label } | undefined;
  /** Of the least certain slice, what weighs most first. */
  evidence: readonly Evidence[];
}

/** What the slices of an owner say of one label. */
export interface LabelStretches {
  label: Label;
  slices: number;
  timeMs: number;
  /** Of the slices' confidences, weighted by time; undefined where there is no time. */
  meanConfidence: number | undefined;
  leastConfidence: number;
  longest: readonly Stretch[];
  leastCertain: readonly Stretch[];
  modelVersions: readonly string[];
}

export interface OwnSliceQuery extends Window {
  ownerKey: string;
  gpuUuid?: string | undefined;
  /** Stretches of each kind that are kept of a label. */
  keep: number;
}

const PAGE = 5000;

/**
 * The slices of one owner that touch a window, label by label: how long, how sure, and the stretches
 * that somebody who asks would look at first. Memory does not grow with the window.
 */
export async function ownStretches(
  ledger: LedgerReader,
  { keep, ...query }: OwnSliceQuery,
): Promise<LabelStretches[]> {
  const labels = new Map<Label, Gathered>();
  const open = new Map<string, Stretch>();
  let page = await ledger.slices({ ...query, limit: PAGE });
  while (page.length > 0) {
    for (const slice of page) {
      const gathered = labels.get(slice.label) ?? new Gathered(keep);
      labels.set(slice.label, gathered);
      gathered.count(slice);
      const last = open.get(slice.gpuUuid);
      if (last && continues(last, slice)) extend(last, slice);
      else {
        if (last) labels.get(last.label)?.close(last);
        open.set(slice.gpuUuid, stretchOf(slice));
      }
    }
    page = await ledger.slices({ ...query, limit: PAGE, afterSequence: page.at(-1)?.sequence });
  }
  for (const last of open.values()) labels.get(last.label)?.close(last);
  return [...labels]
    .map(([label, gathered]) => gathered.summary(label))
    .sort((a, b) => b.timeMs - a.timeMs || (a.label < b.label ? -1 : 1));
}

class Gathered {
  readonly #keep: number;
  readonly #models = new Set<string>();
  #slices = 0;
  #timeMs = 0;
  #weighted = 0;
  #least = 1;
  #longest: Stretch[] = [];
  #leastCertain: Stretch[] = [];

  constructor(keep: number) {
    this.#keep = keep;
  }

  count({ timeMs, confidence, modelVersion }: StoredSlice): void {
    this.#slices += 1;
    this.#timeMs += timeMs;
    this.#weighted += timeMs * confidence;
    this.#least = Math.min(this.#least, confidence);
    this.#models.add(modelVersion);
  }

  close(stretch: Stretch): void {
    this.#longest = [...this.#longest, stretch]
      .sort((a, b) => b.timeMs - a.timeMs || a.fromMs - b.fromMs)
      .slice(0, this.#keep);
    this.#leastCertain = [...this.#leastCertain, stretch]
      .sort((a, b) => a.leastConfidence - b.leastConfidence || a.fromMs - b.fromMs)
      .slice(0, this.#keep);
  }

  summary(label: Label): LabelStretches {
    return {
      label,
      slices: this.#slices,
      timeMs: this.#timeMs,
      meanConfidence: this.#timeMs > 0 ? this.#weighted / this.#timeMs : undefined,
      leastConfidence: this.#least,
      longest: this.#longest,
      // What is shown as one of the longest is not shown twice.
      leastCertain: this.#leastCertain.filter((each) => !this.#longest.includes(each)),
      modelVersions: [...this.#models].sort(),
    };
  }
}

function continues(stretch: Stretch, { label, fromMs, corrected }: StoredSlice): boolean {
  return (
    stretch.label === label && stretch.toMs === fromMs && stretch.corrected?.act === corrected?.act
  );
}

function stretchOf(slice: StoredSlice): Stretch {
  const { gpuUuid, label, fromMs, toMs, timeMs, confidence, basis, modelVersion } = slice;
  const corrected = slice.corrected && {
    act: slice.corrected.act,
    label: slice.corrected.label,
  };
  const told = { basis, modelVersion, corrected, evidence: byWeight(slice.evidence) };
  return { gpuUuid, label, fromMs, toMs, timeMs, slices: 1, leastConfidence: confidence, ...told };
}

function extend(stretch: Stretch, slice: StoredSlice): void {
  stretch.toMs = slice.toMs;
  stretch.timeMs += slice.timeMs;
  stretch.slices += 1;
  if (slice.confidence >= stretch.leastConfidence) return;
  stretch.leastConfidence = slice.confidence;
  stretch.basis = slice.basis;
  stretch.modelVersion = slice.modelVersion;
  stretch.evidence = byWeight(slice.evidence);
}

/** Reasons that weigh nothing come last, in their own order. */
function byWeight(evidence: readonly Evidence[]): Evidence[] {
  return evidence.toSorted((a, b) => weightOf(b) - weightOf(a));
}

function weightOf({ weights }: Evidence): number {
  return Object.values(weights).reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
}
