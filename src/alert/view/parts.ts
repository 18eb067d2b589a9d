import type { KnownProcess } from "../../ledger/contract.ts";
import { kilowattHours } from "../../model/energy.ts";
import type { EvidenceFamily } from "../../model/evidence.ts";
import type { Cause, Incident, IncidentUsage } from "../../model/incident.ts";
import type { RunContext } from "../../model/observation.ts";
import { sanitize } from "../../model/text.ts";
import { isOfProcess, miningWeight } from "../rules/evidence.ts";
import { isoTime } from "../rules/mining-text.ts";
import type { StoryTotals } from "../stories/totals.ts";

const MAX_CAUSES = 5;
const MAX_REASONS = 4;
const MAX_PROCESSES = 5;
const MAX_NAME = 120;
const MAX_ARGUMENTS = 300;
const MAX_COMMAND = 300;
const MAX_REASON = 300;
const MAX_EVIDENCE_TEXT = 500;

/** Words of a context that name something, in the order in which they are read. */
const NAMED = [
  "tool",
  "agent",
  "service",
  "run",
  "episode",
  "session",
  "container",
  "image",
  "host",
] as const satisfies readonly (keyof RunContext)[];

export interface CauseView extends Partial<Record<(typeof NAMED)[number], string>> {
  arguments?: string | undefined;
  from: string;
  to?: string | undefined;
  pids?: readonly number[] | undefined;
  score: number;
  reasons: readonly string[];
}

/** The best explanations, for a message, the API and the terminal: escaped and bounded. */
export function causeViews(causes: readonly Cause[], max: number = MAX_CAUSES): CauseView[] {
  return causes.slice(0, max).map(({ context, score, reasons }) => {
    const view: CauseView = {
      from: toldTime(context.fromMs),
      to: context.toMs === undefined ? undefined : toldTime(context.toMs),
      score: Math.round(score * 1000) / 1000,
      reasons: reasons.slice(0, MAX_REASONS).map((reason) => sanitize(reason, MAX_REASON)),
    };
    for (const name of NAMED) {
      const value = context[name];
      if (value !== undefined) view[name] = sanitize(value, MAX_NAME);
    }
    if (context.arguments !== undefined)
      view.arguments = sanitize(context.arguments, MAX_ARGUMENTS);
    if (context.pids !== undefined) view.pids = context.pids.slice(0, MAX_PROCESSES);
    return view;
  });
}

/** Latest time that has a date. */
const MAX_DATE_MS = 8_640_000_000_000_000;

/** A time that somebody else told: it may be no date at all. */
function toldTime(atMs: number): string {
  return Math.abs(atMs) <= MAX_DATE_MS ? isoTime(atMs) : `${atMs} ms`;
}

export interface UsageView {
  gpuSeconds: number;
  energyKwh?: number | undefined;
  energyUnmeasuredSeconds: number;
  until: string;
}

/** Exact milliseconds and millijoules as decimals of the units that people read. */
export function usageView(usage: IncidentUsage): UsageView {
  return {
    gpuSeconds: usage.gpuMs / 1000,
    energyKwh: usage.energyMj === undefined ? undefined : kilowattHours(usage.energyMj),
    energyUnmeasuredSeconds: usage.energyUnmeasuredMs / 1000,
    until: isoTime(usage.untilMs),
  };
}

export interface TotalsView {
  incidents: number;
  first: string;
  last: string;
  gpuSeconds: number;
  energyKwh?: number | undefined;
}

export function totalsView(totals: StoryTotals): TotalsView {
  return {
    incidents: totals.count,
    first: isoTime(totals.firstMs),
    last: isoTime(totals.lastMs),
    gpuSeconds: totals.gpuMs / 1000,
    energyKwh: totals.energyMj === undefined ? undefined : kilowattHours(totals.energyMj),
  };
}

export interface ProcessView {
  pid: number;
  name?: string | undefined;
  command?: string | undefined;
  user?: string | undefined;
  onGpu: boolean;
}

/** The processes to look at first: those that the evidence names, those on a GPU, then the newest. */
export function processViews(
  processes: readonly KnownProcess[],
  { evidence }: Pick<Incident, "evidence">,
  max: number = MAX_PROCESSES,
): ProcessView[] {
  const named = namedPids(evidence);
  const rank = ({ pid, gpuUuids }: KnownProcess): number =>
    named.has(pid) ? 2 : gpuUuids.length > 0 ? 1 : 0;
  return [...processes]
    .sort((a, b) => rank(b) - rank(a) || b.firstSeenMs - a.firstSeenMs || a.pid - b.pid)
    .slice(0, max)
    .map((process) => ({
      pid: process.pid,
      name: process.comm === undefined ? undefined : sanitize(process.comm, 64),
      command: process.command === undefined ? undefined : sanitize(process.command, MAX_COMMAND),
      user: process.user === undefined ? undefined : sanitize(process.user, 64),
      onGpu: process.gpuUuids.length > 0,
    }));
}

/** Facts of processes and their connections carry the pid they are about. */
export function namedPids(evidence: Incident["evidence"]): Set<number> {
  const pids = evidence
    .filter(isOfProcess)
    .flatMap(({ value }) => (typeof value === "number" && Number.isInteger(value) ? [value] : []));
  return new Set(pids);
}

export interface EvidenceView {
  family: EvidenceFamily;
  feature: string;
  value?: string | number | undefined;
  text: string;
  /** Log-odds (natural) for mining-like. */
  weight: number;
}

/** What weighs most first; escaped. */
export function evidenceViews(evidence: Incident["evidence"]): EvidenceView[] {
  return [...evidence]
    .sort((a, b) => Math.abs(miningWeight(b)) - Math.abs(miningWeight(a)))
    .map((item) => ({
      family: item.family,
      feature: sanitize(item.feature, 64),
      value: typeof item.value === "string" ? sanitize(item.value) : item.value,
      text: sanitize(item.text, MAX_EVIDENCE_TEXT),
      weight: Math.round(miningWeight(item) * 1000) / 1000,
    }));
}
