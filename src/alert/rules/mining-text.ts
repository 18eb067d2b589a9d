import { formatDuration } from "../../model/duration.ts";
import type { Evidence } from "../../model/evidence.ts";
import type { Severity } from "../../model/incident.ts";
import { sanitize } from "../../model/text.ts";
import { type IndependentFamily, miningFamilies } from "./evidence.ts";
import type { ClearTime, HitWindow } from "./gpu-history.ts";

/** What the sentences of a mining incident speak of. */
export interface MiningSubject {
  node: string;
  gpuUuid: string;
  ownerKey: string;
}

const ALONE: Readonly<Record<IndependentFamily, string>> = {
  telemetry: "Only telemetry says so: reason to look, no proof.",
  host: "The owner's processes say so; telemetry alone would not.",
  network: "The owner's connections say so; telemetry alone would not.",
};

const NAMES: Readonly<Record<IndependentFamily, string>> = {
  telemetry: "telemetry",
  host: "the owner's processes",
  network: "the owner's connections",
};

/**
 * What a verdict rests on. The severity may be of windows long gone, so the families of the newest
 * ones may be fewer than it took.
 */
export function basisText(families: readonly IndependentFamily[], severity: Severity): string {
  const [first, ...others] = families;
  if (first && others.length > 0) {
    const names = families.map((family) => NAMES[family]);
    const list = `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
    return `${list.charAt(0).toUpperCase()}${list.slice(1)} say so independently of each other.`;
  }
  if (severity === "critical") return "Families of evidence that fail independently agreed on it.";
  return ALONE[first ?? "telemetry"];
}

export function miningTitle(subject: MiningSubject, simulated: boolean): string {
  const owner =
    subject.ownerKey === "unattributed"
      ? "work without a visible process"
      : `work by ${sanitize(subject.ownerKey, 80)}`;
  const place = `GPU ${sanitize(subject.gpuUuid, 64)} of ${sanitize(subject.node, 64)}`;
  return `${simulated ? "[simulated] " : ""}Mining-like ${owner} on ${place}`;
}

/**
 * @param windows the mining-like windows the rule counted, oldest first
 * @param known evidence of the incident so far
 */
export function firingSummary(
  windows: readonly HitWindow[],
  severity: Severity,
  known: readonly Evidence[] = [],
): string {
  const first = windows[0];
  const last = windows.at(-1);
  const families = miningFamilies([...windows.map(({ part }) => part.evidence), known]);
  const basis = basisText(families, severity);
  if (!first || !last) return basis;
  const confidence = Math.max(...windows.map((window) => window.part.confidence));
  const span = formatDuration(last.toMs - first.fromMs);
  return (
    `Mining-like for ${formatDuration(countedMs(windows))} of the ${span} from ` +
    `${isoTime(first.fromMs)} to ${isoTime(last.toMs)}, confidence up to ${confidence.toFixed(2)}. ` +
    basis
  );
}

export function silentSummary(lastObservedMs: number): string {
  return (
    `Not observed since ${isoTime(lastObservedMs)}: no data is not all clear, so the incident stays ` +
    "open until the device has been seen without mining-like work."
  );
}

export function resolvedSummary(startedAtMs: number, clear: ClearTime): string {
  const unknown =
    clear.unknownMs > 0
      ? ` In ${formatDuration(clear.unknownMs)} of it the work could not be named.`
      : "";
  return (
    `No mining-like work in the last ${formatDuration(clear.observedMs)} of observed time; ` +
    `it began at ${isoTime(startedAtMs)}.${unknown}`
  );
}

/** Total length of the windows that the dwell counts, in milliseconds. */
export function countedMs(windows: readonly HitWindow[]): number {
  return windows.reduce((acc, window) => acc + window.toMs - window.fromMs, 0);
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
