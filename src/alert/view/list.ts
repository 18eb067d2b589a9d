import type { Incident } from "../../model/incident.ts";
import { sanitize } from "../../model/text.ts";
import { isoTime } from "../rules/mining-text.ts";
import {
  type CauseView,
  causeViews,
  type EvidenceView,
  evidenceViews,
  type UsageView,
  usageView,
} from "./parts.ts";
import type { IncidentBook } from "./read.ts";

export interface ListQuery {
  open?: boolean | undefined;
  /** Id of a story, or the beginning of one. */
  story?: string | undefined;
  limit: number;
  /** Go on after this incident. */
  after?: string | undefined;
}

/** An incident as the ledger has it; a list's row. Strings are escaped. */
export interface IncidentRow {
  id: string;
  rule: string;
  severity: Incident["severity"];
  state: Incident["state"];
  simulated: boolean;
  node: string;
  gpu?: string | undefined;
  owner?: string | undefined;
  startedAt: string;
  resolvedAt?: string | undefined;
  title: string;
  usage?: UsageView | undefined;
  story?: string | undefined;
  evidence: readonly EvidenceView[];
  /** The best explanation first. */
  causes: readonly CauseView[];
}

export interface IncidentPage {
  incidents: IncidentRow[];
  /** Give it as `after` for the next page; absent on the last. */
  next?: string | undefined;
}

/** Incidents, the newest first. An `after` that is not in the list begins it anew. */
export function incidentPage(book: IncidentBook, query: ListQuery): IncidentPage {
  const { open, story, limit, after } = query;
  const chosen = book.incidents.filter(
    (incident) =>
      (open === undefined || (incident.state !== "resolved") === open) &&
      (story === undefined || storyIds(book, incident).some((id) => id.startsWith(story))),
  );
  const from = chosen.findIndex(({ id }) => id === after) + 1;
  const page = chosen.slice(from, from + limit);
  const isLast = from + limit >= chosen.length;
  return {
    incidents: page.map((incident) => rowOf(book, incident)),
    next: isLast ? undefined : page.at(-1)?.id,
  };
}

/** The story as it is now; and as it was when the incident was written, where stories have grown together. */
function storyIds({ stories }: IncidentBook, { id, story }: Incident): string[] {
  return [stories.storyOf(id)?.id, story].filter((each) => each !== undefined);
}

export function rowOf(book: IncidentBook, incident: Incident): IncidentRow {
  const { id, rule, severity, state, simulated, resolvedAtMs, usage } = incident;
  return {
    id: sanitize(id, 100),
    rule: sanitize(rule, 64),
    severity,
    state,
    simulated,
    node: sanitize(incident.node),
    gpu: incident.gpuUuid === undefined ? undefined : sanitize(incident.gpuUuid, 100),
    owner: incident.ownerKey === undefined ? undefined : sanitize(incident.ownerKey),
    startedAt: isoTime(incident.startedAtMs),
    resolvedAt: resolvedAtMs === undefined ? undefined : isoTime(resolvedAtMs),
    title: sanitize(incident.title, 400),
    usage: usage && usageView(usage),
    story: storyIds(book, incident)[0],
    evidence: evidenceViews(incident.evidence),
    causes: causeViews(incident.causes ?? []),
  };
}
