import type { KnownProcess } from "../ledger/contract.ts";
import type { Incident } from "../model/incident.ts";
import { sanitize } from "../model/text.ts";
import { adviceFor } from "./advice.ts";
import type { IncidentChange } from "./rules/change.ts";
import { isoTime } from "./rules/mining-text.ts";
import type { StoryTotals } from "./stories/totals.ts";
import {
  causeViews,
  type EvidenceView,
  evidenceViews,
  processViews,
  totalsView,
  usageView,
} from "./view/parts.ts";

/** Standard Webhooks asks for payloads under 20 kB; taken as 20,000 bytes of UTF-8. */
export const MAX_BODY_BYTES = 20_000;

const MAX_TITLE = 256;
const MAX_SUMMARY = 800;
const MAX_ITEMS = 50;
/** Evidence that causes and processes give way to. */
const KEPT_EVIDENCE = 8;

export function eventType(change: IncidentChange): string {
  return `incident.${change.action}`;
}

/** What a message says beside the incident itself. */
export interface PayloadDetails {
  /** Of the owner. */
  processes?: readonly KnownProcess[] | undefined;
  story?: { id: string; text: string; totals: StoryTotals } | undefined;
}

/** How many of each list are told. */
interface Room {
  evidence: number;
  causes: number;
  processes: number;
}

/**
 * The JSON body of a webhook: type, timestamp (when it happened, in the data's own time) and data.
 * Always shorter than {@link MAX_BODY_BYTES}: evidence that does not fit is left out, lightest first,
 * and counted; then causes and processes. Strings are escaped and bounded, as some come from observed
 * processes.
 */
export function payloadOf(change: IncidentChange, details: PayloadDetails = {}): string {
  const { incident } = change;
  const lines = evidenceViews(incident.evidence);
  const causes = causeViews(incident.causes ?? []);
  const processes = processViews(details.processes ?? [], incident);
  let room: Room = {
    evidence: Math.min(lines.length, MAX_ITEMS),
    causes: causes.length,
    processes: processes.length,
  };
  for (;;) {
    const body = JSON.stringify({
      type: eventType(change),
      timestamp: isoTime(incident.updatedAtMs),
      data: {
        ...describe(incident, details),
        evidence: grouped(lines.slice(0, room.evidence), lines.length - room.evidence),
        causes: causes.slice(0, room.causes),
        processes: processes.slice(0, room.processes),
        advice: adviceFor(incident),
      },
    });
    const isLeast = room.evidence + room.causes + room.processes === 0;
    if (isLeast || byteLength(body) < MAX_BODY_BYTES) return body;
    room = less(room);
  }
}

/** Evidence gives way first, as there is most of it; its heaviest lines outlast the rest. */
function less({ evidence, causes, processes }: Room): Room {
  if (evidence > KEPT_EVIDENCE || causes + processes === 0)
    return { evidence: Math.floor(evidence * 0.8), causes, processes };
  return { evidence, causes: Math.max(causes - 1, 0), processes: Math.max(processes - 1, 0) };
}

function describe(incident: Incident, { story }: PayloadDetails): Record<string, unknown> {
  const { firedAtMs, resolvedAtMs, gpuUuid, ownerKey, usage } = incident;
  return {
    id: sanitize(incident.id, 100),
    rule: sanitize(incident.rule, 64),
    severity: incident.severity,
    state: incident.state,
    simulated: incident.simulated,
    node: sanitize(incident.node),
    gpu: gpuUuid === undefined ? undefined : sanitize(gpuUuid, 100),
    owner: ownerKey === undefined ? undefined : sanitize(ownerKey),
    startedAt: isoTime(incident.startedAtMs),
    firedAt: firedAtMs === undefined ? undefined : isoTime(firedAtMs),
    updatedAt: isoTime(incident.updatedAtMs),
    resolvedAt: resolvedAtMs === undefined ? undefined : isoTime(resolvedAtMs),
    title: sanitize(incident.title, MAX_TITLE),
    summary: sanitize(story ? `${incident.summary} ${story.text}.` : incident.summary, MAX_SUMMARY),
    usage: usage && usageView(usage),
    story: story && { id: sanitize(story.id, 64), text: story.text, ...totalsView(story.totals) },
  };
}

/** For and against the verdict apart, so that nobody has to read signs to see the other side. */
function grouped(lines: readonly EvidenceView[], leftOut: number): Record<string, unknown> {
  return {
    for: lines.filter((line) => line.weight > 0),
    against: lines.filter((line) => line.weight < 0),
    context: lines.filter((line) => line.weight === 0),
    leftOut,
  };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
