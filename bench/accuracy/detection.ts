import type { Said } from "./overlay.ts";
import type { Truth } from "./truth.ts";

/** Truth lines of one device that follow each other this closely are one run of mining. */
const SAME_RUN_SECONDS = 10;

/** A label with the recorded time at which it was known, in Unix seconds. */
export interface KnownSaid extends Said {
  knownAt: number;
}

/** A stretch in which one device truly mined. */
export interface MiningRun {
  family: string;
  gpu: number;
  from: number;
  to: number;
}

/** Seconds from the start of the mining until it was called so; absent where it never was. */
export interface Detection {
  family: string;
  /** By the verdict at the end of a window, which watchers see. */
  provisionalSeconds?: number | undefined;
  /** By the verdict a window later, which the ledger keeps. */
  finalSeconds?: number | undefined;
}

/** Of many runs; absent where that run was never detected. */
export interface Delay {
  medianSeconds?: number | undefined;
  worstSeconds?: number | undefined;
  never: number;
  within30s: number;
  within120s: number;
}

export interface DetectionFigures {
  runs: number;
  provisional: Delay;
  final: Delay;
}

export function miningRuns(recording: string, truths: readonly Truth[]): MiningRun[] {
  const mining = truths.filter(({ label }) => label === "mining-like");
  const runs: MiningRun[] = [];
  for (const { gpu, family = recording, from, to } of mining.toSorted((a, b) => a.from - b.from)) {
    const before = runs.findLast((run) => run.gpu === gpu && run.family === family);
    if (before && from - before.to <= SAME_RUN_SECONDS) before.to = Math.max(before.to, to);
    else runs.push({ family, gpu, from, to });
  }
  return runs;
}

/** A verdict on a window that ended before the mining began accuses by chance and detects nothing. */
export function detectionOf(
  run: MiningRun,
  provisional: readonly KnownSaid[],
  final: readonly KnownSaid[],
): Detection {
  const first = (said: readonly KnownSaid[]): number | undefined => {
    const hits = said.filter(
      ({ gpu, label, from, to }) =>
        gpu === run.gpu && label === "mining-like" && to > run.from && from < run.to,
    );
    if (hits.length === 0) return undefined;
    return Math.min(...hits.map(({ knownAt }) => knownAt)) - run.from;
  };
  return {
    family: run.family,
    provisionalSeconds: first(provisional),
    finalSeconds: first(final),
  };
}

/** @returns undefined where nothing mined: then there is no time to detect it in */
export function detectionFigures(found: readonly Detection[]): DetectionFigures | undefined {
  if (found.length === 0) return undefined;
  return {
    runs: found.length,
    provisional: delayOf(found.map(({ provisionalSeconds }) => provisionalSeconds)),
    final: delayOf(found.map(({ finalSeconds }) => finalSeconds)),
  };
}

function delayOf(seconds: readonly (number | undefined)[]): Delay {
  // Never is later than any time, so a median over half of the runs or fewer would flatter.
  const sorted = seconds.map((each) => each ?? Infinity).sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = Infinity, high = Infinity] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  const finite = (value: number): number | undefined =>
    Number.isFinite(value) ? value : undefined;
  return {
    medianSeconds: finite((low + high) / 2),
    worstSeconds: finite(sorted.at(-1) ?? Infinity),
    never: sorted.filter((each) => each === Infinity).length,
    within30s: sorted.filter((each) => each <= 30).length,
    within120s: sorted.filter((each) => each <= 120).length,
  };
}
