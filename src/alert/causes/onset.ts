import type { KnownProcess } from "../../ledger/contract.ts";
import type { Incident } from "../../model/incident.ts";
import { ownerKey, UNATTRIBUTED } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";

/** A moment at which what the incident is about may have begun. */
export interface Onset {
  atMs: number;
  /** How far it may be off, to either side. */
  toleranceMs: number;
  /** 0..1: the start of a process is a sharper clock than the edge of a window. */
  sharpness: number;
  /** For a sentence: `process 4711 (xmrig) started`. Escaped. */
  what: string;
}

/** A process that started longer before was there for something else; what it does now began later. */
const MAX_LEAD_MS = 30 * 60_000;
/** Labels are of windows of ten seconds, and a window may be labelled by its second half. */
const WINDOW_TOLERANCE_MS = 10_000;
/** Clock ticks of the kernel, and two clocks that are kept by different programs of one machine. */
const PROCESS_TOLERANCE_MS = 2000;
const WINDOW_SHARPNESS = 0.8;
/** Of a tree of thousands those that started last before the incident say the most. */
const MAX_ONSETS = 64;

/** The processes an incident is about: its owner's; without an owner those on its device. */
export function processesOf(
  incident: Incident,
  processes: readonly KnownProcess[],
): KnownProcess[] {
  const { ownerKey: key, gpuUuid } = incident;
  if (key !== undefined && key !== ownerKey(UNATTRIBUTED))
    return processes.filter((each) => each.ownerKey === key);
  // Time that nobody explains is no visible process's, or it would be explained.
  if (key !== undefined || gpuUuid === undefined) return [];
  return processes.filter(({ gpuUuids }) => gpuUuids.includes(gpuUuid));
}

/** When it may have begun: with the incident, or with a process of it that started shortly before. */
export function onsetsOf(incident: Incident, own: readonly KnownProcess[]): Onset[] {
  const { startedAtMs } = incident;
  const begun = {
    atMs: startedAtMs,
    toleranceMs: WINDOW_TOLERANCE_MS,
    sharpness: WINDOW_SHARPNESS,
    what: "the incident began",
  };
  const recent = own.flatMap((process) => onsetOf(process, startedAtMs) ?? []);
  // Those that hold a device do its work; of the others of a tree that is not known.
  const sharp = recent.filter(({ holds }) => holds);
  const chosen = (sharp.length > 0 ? sharp : recent)
    .sort((a, b) => b.atMs - a.atMs || (a.what < b.what ? -1 : 1))
    .slice(0, MAX_ONSETS);
  return [
    ...chosen.map(({ atMs, toleranceMs, sharpness, what }) => ({
      atMs,
      toleranceMs,
      sharpness,
      what,
    })),
    begun,
  ];
}

function onsetOf(
  { pid, startTimeMs, comm, exe, gpuUuids }: KnownProcess,
  startedAtMs: number,
): (Onset & { holds: boolean }) | undefined {
  if (startTimeMs === undefined || startTimeMs > startedAtMs + WINDOW_TOLERANCE_MS)
    return undefined;
  if (startTimeMs < startedAtMs - MAX_LEAD_MS) return undefined;
  const name = comm ?? exe?.slice(exe.lastIndexOf("/") + 1);
  return {
    atMs: startTimeMs,
    toleranceMs: PROCESS_TOLERANCE_MS,
    sharpness: 1,
    what: `process ${pid}${name === undefined ? "" : ` (${sanitize(name, 40)})`} started`,
    holds: gpuUuids.length > 0,
  };
}
