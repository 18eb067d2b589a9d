import type { Incident, IncidentUsage } from "../model/incident.ts";
import type { SliceFact } from "./facts.ts";
import { MINING_RULE } from "./rules/mining.ts";
import { EGRESS, HIDDEN_USE, isHidden, POOL, PROBING, TUNNEL } from "./rules/owner-kinds.ts";

/** What of a slice decides which incidents it counts for. */
export interface CountedSlice extends Omit<SliceFact, "evidence" | "confidence" | "simulated"> {
  /** Names of the features that it carries as evidence. */
  signs: readonly string[];
}

const SIGN_OF: ReadonlyMap<string, string> = new Map([
  [TUNNEL.rule, "tunnel"],
  [POOL.rule, "poolConnection"],
  [PROBING.rule, "internalProbing"],
  [EGRESS.rule, "newDestination"],
]);

const SIGNS: ReadonlySet<string> = new Set(SIGN_OF.values());

export function countedSlice(fact: SliceFact): CountedSlice {
  const { evidence, confidence: _, simulated: __, ...slice } = fact;
  const names = evidence.map(({ feature }) => feature).filter((name) => SIGNS.has(name));
  return { ...slice, signs: [...new Set(names)] };
}

/**
 * Whether a slice is part of what an incident took: of its owner, since its beginning, and mining-like
 * (on its device) for mining, nobody's for hidden use, with the sign on it for the others. Budgets
 * speak of money: they take nothing.
 */
export function countsFor(incident: Incident, slice: CountedSlice): boolean {
  if (slice.node !== incident.node || slice.ownerKey !== incident.ownerKey) return false;
  if (slice.window.fromMs < incident.startedAtMs) return false;
  if (incident.resolvedAtMs !== undefined && slice.window.toMs > incident.resolvedAtMs)
    return false;
  if (incident.rule === MINING_RULE)
    return slice.gpuUuid === incident.gpuUuid && slice.label === "mining-like";
  if (incident.rule === HIDDEN_USE.rule) return isHidden(slice.basis);
  const sign = SIGN_OF.get(incident.rule);
  return sign !== undefined && slice.signs.includes(sign);
}

/** The usage with one more slice; sums of whole milliseconds and millijoules. */
export function addUsage(sum: IncidentUsage | undefined, slice: CountedSlice): IncidentUsage {
  const { timeMs, energyMj } = slice;
  const energy = energyMj === undefined ? sum?.energyMj : (sum?.energyMj ?? 0) + energyMj;
  return {
    untilMs: Math.max(sum?.untilMs ?? slice.window.toMs, slice.window.toMs),
    gpuMs: (sum?.gpuMs ?? 0) + timeMs,
    energyMj: energy,
    energyUnmeasuredMs: (sum?.energyUnmeasuredMs ?? 0) + (energyMj === undefined ? timeMs : 0),
  };
}

interface Meter {
  incident: Incident;
  usage: IncidentUsage | undefined;
}

/**
 * What each open incident has taken so far. An incident opens later than it began, so the newest
 * slices are kept as long as the rules keep them.
 */
export class UsageMeter {
  private readonly retentionMs: number;
  private readonly recent = new Map<string, Map<string, CountedSlice>>();
  private readonly meters = new Map<string, Meter>();

  constructor(retentionMs: number) {
    this.retentionMs = retentionMs;
  }

  /** Takes final slices; one that comes again is not counted again. */
  observe(facts: readonly SliceFact[]): void {
    for (const fact of facts) {
      const slice = countedSlice(fact);
      if (!this.remember(slice)) continue;
      for (const meter of this.meters.values())
        if (countsFor(meter.incident, slice)) meter.usage = addUsage(meter.usage, slice);
    }
  }

  /** What the incident of a change has taken up to now, dwell included. */
  usageOf(incident: Incident): IncidentUsage | undefined {
    const known = this.meters.get(incident.id);
    const usage = known ? known.usage : this.sumOfRecent(incident);
    if (incident.state === "resolved") this.meters.delete(incident.id);
    else this.meters.set(incident.id, { incident, usage });
    return usage;
  }

  /** @param open firing incidents, their usage counted from the ledger's slices */
  restore(open: readonly Incident[], facts: readonly SliceFact[]): void {
    for (const fact of facts) this.remember(countedSlice(fact));
    for (const incident of open) this.meters.set(incident.id, { incident, usage: incident.usage });
  }

  private sumOfRecent(incident: Incident): IncidentUsage | undefined {
    let usage: IncidentUsage | undefined;
    for (const slices of this.recent.values())
      for (const slice of slices.values())
        if (countsFor(incident, slice)) usage = addUsage(usage, slice);
    return usage;
  }

  private remember(slice: CountedSlice): boolean {
    const device = JSON.stringify([slice.node, slice.gpuUuid]);
    const slices = this.recent.get(device) ?? new Map<string, CountedSlice>();
    this.recent.set(device, slices);
    const key = `${slice.window.fromMs} ${slice.ownerKey}`;
    if (slices.has(key)) return false;
    slices.set(key, slice);
    // Slices of a device come in order, so the oldest are the first.
    for (const [oldest, { window }] of slices) {
      if (window.toMs > slice.window.toMs - this.retentionMs) break;
      slices.delete(oldest);
    }
    return true;
  }
}
