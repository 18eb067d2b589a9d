import { formatDuration } from "../../model/duration.ts";
import type { Severity } from "../../model/incident.ts";
import { sanitize } from "../../model/text.ts";
import type { ClearTime, MiningWindow } from "./gpu-history.ts";

/** What the sentences of a mining incident speak of. */
export interface MiningSubject {
  node: string;
  gpuUuid: string;
  ownerKey: string;
}

const BASIS: Readonly<Record<Severity, string>> = {
  notice: "Only telemetry says so: reason to look, no proof.",
  warning: "The owner's processes say so; telemetry alone would not.",
  critical: "Telemetry and the owner's processes say so independently of each other.",
};

export function miningTitle(subject: MiningSubject, simulated: boolean): string {
  const owner =
    subject.ownerKey === "unattributed"
      ? "work without a visible process"
      : `work by ${sanitize(subject.ownerKey, 80)}`;
  const place = `GPU ${sanitize(subject.gpuUuid, 64)} of ${sanitize(subject.node, 64)}`;
  return `${simulated ? "[simulated] " : ""}Mining-like ${owner} on ${place}`;
}

/** @param windows the mining-like windows the rule counted, oldest first */
export function firingSummary(windows: readonly MiningWindow[], severity: Severity): string {
  const first = windows[0];
  const last = windows.at(-1);
  if (!first || !last) return BASIS[severity];
  const confidence = Math.max(...windows.map((window) => window.part.confidence));
  const span = formatDuration(last.toMs - first.fromMs);
  return (
    `Mining-like for ${formatDuration(countedMs(windows))} of the ${span} from ` +
    `${isoTime(first.fromMs)} to ${isoTime(last.toMs)}, confidence up to ${confidence.toFixed(2)}. ` +
    BASIS[severity]
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
export function countedMs(windows: readonly MiningWindow[]): number {
  return windows.reduce((acc, window) => acc + window.toMs - window.fromMs, 0);
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
