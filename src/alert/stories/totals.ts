import { formatDuration } from "../../model/duration.ts";
import { kilowattHours } from "../../model/energy.ts";
import type { Incident } from "../../model/incident.ts";
import type { Story } from "./story-index.ts";

/** A story in numbers. */
export interface StoryTotals {
  count: number;
  firstMs: number;
  /** Beginning of its newest incident. */
  lastMs: number;
  gpuMs: number;
  /** Absent where none of it was measured. */
  energyMj?: number | undefined;
  energyUnmeasuredMs: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * Incidents whose usage may be added up. Those of one owner on one node that overlap in time speak of
 * the same GPU time (mining, and the tunnel beside it): of each such knot only the rule that saw most
 * of it is taken, so that nothing is counted twice. What only another rule saw is missing then.
 */
export function countedOnce(incidents: readonly Incident[]): Incident[] {
  const owners = new Map<string, Incident[]>();
  for (const incident of [...incidents].sort((a, b) => a.startedAtMs - b.startedAtMs)) {
    const key = JSON.stringify([incident.node, incident.ownerKey]);
    owners.set(key, [...(owners.get(key) ?? []), incident]);
  }
  return [...owners.values()].flatMap((own) => knots(own).flatMap((knot) => mostOf(knot)));
}

export function storyTotals({ incidents }: Pick<Story, "incidents">): StoryTotals {
  const starts = incidents.map(({ startedAtMs }) => startedAtMs);
  const totals: StoryTotals = {
    count: incidents.length,
    firstMs: Math.min(...starts),
    lastMs: Math.max(...starts),
    gpuMs: 0,
    energyUnmeasuredMs: 0,
  };
  for (const { usage } of countedOnce(incidents)) {
    totals.gpuMs += usage?.gpuMs ?? 0;
    totals.energyUnmeasuredMs += usage?.energyUnmeasuredMs ?? 0;
    if (usage?.energyMj !== undefined) totals.energyMj = (totals.energyMj ?? 0) + usage.energyMj;
  }
  return totals;
}

/** `3rd incident of this story in 4 days, 5.2 GPU-hours, 2.10 kWh` */
export function storyText(story: Story, incidentId: string): string {
  const { count, firstMs, lastMs, gpuMs, energyMj } = storyTotals(story);
  const told = [...story.incidents].sort((a, b) => toldMs(a) - toldMs(b) || (a.id < b.id ? -1 : 1));
  const place = told.findIndex(({ id }) => id === incidentId) + 1;
  const spanMs = lastMs - firstMs;
  const span =
    spanMs >= DAY_MS ? `${Math.ceil(spanMs / DAY_MS)} days` : formatDuration(Math.max(spanMs, 0));
  const parts = [
    `${ordinal(place)} ${place === count ? "incident" : `of ${count} incidents`} of this story ` +
      (spanMs > 0 ? `in ${span}` : "at once"),
    `${(gpuMs / HOUR_MS).toFixed(gpuMs < HOUR_MS ? 2 : 1)} GPU-hours`,
  ];
  if (energyMj !== undefined) parts.push(`${kilowattHours(energyMj).toFixed(2)} kWh`);
  return parts.join(", ");
}

/** Incidents are numbered as they were told of. */
function toldMs({ firedAtMs, startedAtMs }: Incident): number {
  return firedAtMs ?? startedAtMs;
}

function ordinal(n: number): string {
  const rest = n % 100;
  if (rest >= 11 && rest <= 13) return `${n}th`;
  return `${n}${["th", "st", "nd", "rd"][n % 10] ?? "th"}`;
}

/** Of one owner, by beginning: cut wherever none of those before goes on. */
function knots(incidents: readonly Incident[]): Incident[][] {
  const found: Incident[][] = [];
  let endMs = Number.NEGATIVE_INFINITY;
  for (const incident of incidents) {
    if (incident.startedAtMs < endMs) found.at(-1)?.push(incident);
    else found.push([incident]);
    const { resolvedAtMs, usage } = incident;
    endMs = Math.max(endMs, resolvedAtMs ?? usage?.untilMs ?? incident.updatedAtMs);
  }
  return found;
}

function mostOf(knot: readonly Incident[]): Incident[] {
  const rules = new Map<string, Incident[]>();
  for (const incident of knot)
    rules.set(incident.rule, [...(rules.get(incident.rule) ?? []), incident]);
  const sum = (of: readonly Incident[]): number =>
    of.reduce((total, { usage }) => total + (usage?.gpuMs ?? 0), 0);
  const [most = []] = [...rules.entries()]
    .sort(([a, ofA], [b, ofB]) => sum(ofB) - sum(ofA) || (a < b ? -1 : 1))
    .map(([, of]) => of);
  return most;
}
