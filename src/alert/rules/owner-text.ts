import { formatDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import type { ClearTime, GpuHistory, HitWindow } from "./gpu-history.ts";
import { isoTime } from "./mining-text.ts";
import type { OwnerKind } from "./owner-kinds.ts";

/** The windows of one device in which the sign was there, oldest first. */
export interface SeenOn {
  history: GpuHistory;
  gpuUuid: string;
  hits: readonly HitWindow[];
}

const MAX_DEVICES = 4;

export function seenSummary(kind: OwnerKind, seen: readonly SeenOn[]): string {
  const hits = seen.flatMap((each) => each.hits);
  const fromMs = hits.reduce((least, hit) => Math.min(least, hit.fromMs), Infinity);
  const toMs = hits.reduce((most, hit) => Math.max(most, hit.toMs), -Infinity);
  if (hits.length === 0) return kind.stance;
  const longestMs = Math.max(
    ...seen.map((on) => on.hits.reduce((sum, hit) => sum + kind.amountMs(hit), 0)),
  );
  return (
    `${kind.subject}: ${formatDuration(longestMs)} of the ${formatDuration(toMs - fromMs)} from ` +
    `${isoTime(fromMs)} to ${isoTime(toMs)}, on ${devices(seen)}. ${kind.stance}`
  );
}

export function clearedSummary(kind: OwnerKind, startedAtMs: number, clear: ClearTime): string {
  return (
    `${kind.subject}: none in the last ${formatDuration(clear.observedMs)} of observed time; it ` +
    `began at ${isoTime(startedAtMs)}.`
  );
}

export function unseenSummary(lastObservedMs: number): string {
  return (
    `One of its devices was not observed since ${isoTime(lastObservedMs)}: no data is not all clear, ` +
    "so the incident stays open until all have been seen without the sign."
  );
}

function devices(seen: readonly SeenOn[]): string {
  const names = seen.slice(0, MAX_DEVICES).map(({ gpuUuid }) => `GPU ${sanitize(gpuUuid, 64)}`);
  const more = seen.length - names.length;
  return more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
}
