import type { Incident, Severity } from "../../model/incident.ts";

/** What happened to an incident: the incident is its newest state, and one change is one message. */
export interface IncidentChange {
  incident: Incident;
  action: "opened" | "updated" | "resolved";
}

/** A short stable text for any text. Injected, so that the rules need no crypto module. */
export type Hash = (text: string) => string;

/** What an incident is about. Never shown, and unambiguous whatever the names hold. */
export function scopeKey(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

/** The same incident gets the same id on every run: it is made of what it is about and its start. */
export function incidentId(hash: Hash, scope: string, startedAtMs: number): string {
  return `inc_${hash(`${scope}@${startedAtMs}`)}`;
}

const RANK = { notice: 0, warning: 1, critical: 2 } as const satisfies Record<Severity, number>;

export function isGraver(a: Severity, b: Severity): boolean {
  return RANK[a] > RANK[b];
}

/**
 * The incident with `patch` on top. Times of one incident strictly increase, also where two changes
 * fall on one millisecond or a late window follows a tick: message ids and their order rest on it.
 */
export function advance(incident: Incident, atMs: number, patch: Partial<Incident>): Incident {
  return { ...incident, ...patch, updatedAtMs: Math.max(incident.updatedAtMs + 1, atMs) };
}
