import type { Evidence, EvidenceFamily } from "../../model/evidence.ts";
import { DECIDABLE_LABELS } from "../../model/label.ts";
import type { Severity } from "../../model/incident.ts";

/** Distinct reasons an incident keeps; the names of features are few, pids may be many. */
const MAX_EVIDENCE = 40;

export function miningWeight(item: Evidence): number {
  return item.weights["mining-like"] ?? 0;
}

/** Whether a family, taken alone, would choose mining-like: for it at all, and for nothing more. */
export function speaksForMining(evidence: readonly Evidence[], family: EvidenceFamily): boolean {
  const own = evidence.filter((item) => item.family === family);
  const sum = (label: (typeof DECIDABLE_LABELS)[number]): number =>
    own.reduce((acc, item) => acc + (item.weights[label] ?? 0), 0);
  const mining = sum("mining-like");
  return mining > 0 && DECIDABLE_LABELS.every((label) => sum(label) <= mining);
}

/** Families that fail independently of each other, so that their agreement means something. */
const INDEPENDENT = ["telemetry", "host", "network"] as const satisfies readonly EvidenceFamily[];

export type IndependentFamily = (typeof INDEPENDENT)[number];

/** The independent families that speak for mining in one of the windows at least. */
export function miningFamilies(windows: readonly (readonly Evidence[])[]): IndependentFamily[] {
  return INDEPENDENT.filter((family) =>
    windows.some((evidence) => speaksForMining(evidence, family)),
  );
}

/**
 * How grave mining-like windows are by the families that agree: telemetry alone is a notice, facts of
 * the processes or of their connections alone a warning, two independent families are critical.
 */
export function miningSeverity(windows: readonly (readonly Evidence[])[]): Severity {
  const families = miningFamilies(windows);
  if (families.length > 1) return "critical";
  return families.includes("host") || families.includes("network") ? "warning" : "notice";
}

/** Independent families that speak for mining in the windows and of which nothing for it was known. */
export function joinedFamilies(
  windows: readonly (readonly Evidence[])[],
  known: readonly Evidence[],
): IndependentFamily[] {
  const before = new Set(
    known.filter((item) => miningWeight(item) > 0).map(({ family }) => family),
  );
  return miningFamilies(windows).filter((family) => !before.has(family));
}

export function featureKey(item: Evidence): string {
  return `${item.family}:${item.feature}`;
}

/** Facts of one process or connection each: their value says which. */
export function isOfProcess({ family, feature }: Evidence): boolean {
  return family === "host" || family === "network" || feature === "tunnel";
}

/**
 * The newest word of each feature (of each process or connection, for facts of those), what weighs most for mining
 * first. The first of every feature outlives the cut, so a feature once known stays known.
 * @param newestFirst evidence of windows, the newest window first
 */
export function mergeEvidence(newestFirst: readonly (readonly Evidence[])[]): Evidence[] {
  const seen = new Map<string, Evidence>();
  for (const item of newestFirst.flat()) {
    const key = `${featureKey(item)}:${isOfProcess(item) ? (item.value ?? "") : ""}`;
    if (!seen.has(key)) seen.set(key, item);
  }
  const features = new Set<string>();
  const first: Evidence[] = [];
  const more: Evidence[] = [];
  for (const item of [...seen.values()].sort((a, b) => miningWeight(b) - miningWeight(a))) {
    (features.has(featureKey(item)) ? more : first).push(item);
    features.add(featureKey(item));
  }
  return [...first, ...more].slice(0, MAX_EVIDENCE);
}
