import type { Evidence } from "../../model/evidence.ts";
import type { Incident } from "../../model/incident.ts";
import { byWindow, type SliceFact } from "../facts.ts";
import {
  advance,
  type Hash,
  type IncidentChange,
  incidentId,
  isGraver,
  scopeKey,
} from "./change.ts";
import {
  featureKey,
  joinedFamilies,
  mergeEvidence,
  miningSeverity,
  miningWeight,
} from "./evidence.ts";
import { GpuHistory, type HitWindow, type KindOf } from "./gpu-history.ts";
import {
  countedMs,
  firingSummary,
  miningTitle,
  resolvedSummary,
  silentSummary,
} from "./mining-text.ts";

export const MINING_RULE = "mining";

export interface MiningSettings {
  /** Mining-like time, added up over the look-back, that opens an incident. */
  dwellMs: number;
  /** Observed time without mining-like work that resolves it. */
  clearMs: number;
  /** A mining-like verdict below this neither opens an incident nor speaks for its end. */
  minConfidence: number;
  /** How far back the dwell is added up. */
  lookBackMs: number;
  /** Least time between two updates that do not raise the severity. */
  updateEveryMs: number;
  /** A device not observed for this long is said to be silent. */
  silenceMs: number;
}

/**
 * The look-back is eight dwells: whoever mines an eighth of the time or more is found, however
 * the time is cut up; twice a day by chance is not.
 */
const LOOK_BACK_DWELLS = 8;
/** Facts are kept for three clear times: a device that is seen a third of the time can be cleared. */
const RETENTION_CLEARS = 3;
/** Ends of incidents are kept longer than the slices they cut off, as slices may lag behind ticks. */
const FORGET_RETENTIONS = 2;

/** Settings with defaults: 2 min to open, 5 min to resolve, confidence 0.8. */
export function miningSettings(given: Partial<MiningSettings> = {}): MiningSettings {
  const dwellMs = given.dwellMs ?? 120_000;
  return {
    dwellMs,
    clearMs: given.clearMs ?? 300_000,
    minConfidence: given.minConfidence ?? 0.8,
    lookBackMs: Math.max(given.lookBackMs ?? LOOK_BACK_DWELLS * dwellMs, dwellMs),
    updateEveryMs: given.updateEveryMs ?? 600_000,
    silenceMs: given.silenceMs ?? 120_000,
  };
}

/**
 * Opens an incident when the windows in which an owner was mining-like on a device, with confidence,
 * add up to the dwell within the look-back. Interruptions do not reset the sum; what falls out of
 * the look-back leaves it. A window counts whole, however small the owner's share of it. After a
 * resolution the sum starts anew. Severity follows the families that agree, and only ever rises.
 */
export class MiningRule {
  /** Slices that came too late to matter. */
  drops = 0;
  readonly retentionMs: number;
  private readonly settings: MiningSettings;
  private readonly hash: Hash;
  private readonly kindOf: KindOf;
  private readonly histories = new Map<string, GpuHistory>();
  private readonly firing = new Map<string, Incident>();
  private readonly resolvedAtMs = new Map<string, number>();

  constructor(settings: MiningSettings, hash: Hash) {
    this.settings = settings;
    this.hash = hash;
    this.kindOf = (fact) => miningKind(fact, settings.minConfidence);
    this.retentionMs = Math.max(settings.lookBackMs, RETENTION_CLEARS * settings.clearMs);
  }

  /** All slices of one device's window belong into one call: what is missing counts as not there. */
  observe(facts: readonly SliceFact[]): IncidentChange[] {
    return byWindow(facts).flatMap((slices) => this.closeWindow(slices));
  }

  /** Says once that a device with an open incident is no longer observed; forgets quiet devices. */
  tick(nowMs: number): IncidentChange[] {
    const changes: IncidentChange[] = [];
    for (const [key, history] of this.histories) {
      const open = [...this.firing.values()].filter((incident) => concerns(incident, history));
      for (const incident of open) changes.push(...this.sayIfSilent(incident, history, nowMs));
      if (open.length === 0 && nowMs - history.newestMs > FORGET_RETENTIONS * this.retentionMs)
        this.histories.delete(key);
    }
    for (const [key, endedMs] of this.resolvedAtMs)
      if (nowMs - endedMs > FORGET_RETENTIONS * this.retentionMs) this.resolvedAtMs.delete(key);
    return changes;
  }

  restore(incidents: readonly Incident[], facts: readonly SliceFact[]): void {
    for (const incident of incidents) {
      if (incident.rule !== MINING_RULE || incident.gpuUuid === undefined) continue;
      const key = scopeKey(incident.node, incident.gpuUuid, incident.ownerKey ?? "");
      if (incident.state === "firing") this.firing.set(key, incident);
      if (incident.resolvedAtMs !== undefined) this.rememberEnd(key, incident.resolvedAtMs);
    }
    for (const fact of [...facts].sort((a, b) => a.window.fromMs - b.window.fromMs))
      this.historyOf(fact).add(fact);
  }

  /** Takes over what others have added to a firing incident, so that it is as the ledger has it. */
  adopt(incident: Incident): void {
    for (const [key, { id }] of this.firing) if (id === incident.id) this.firing.set(key, incident);
  }

  /** Firing incidents, and suspicions that have not reached the dwell; the latter's start may move. */
  open(): Incident[] {
    const pending = [...this.histories.values()].flatMap((history) =>
      [...history.owners()].flatMap((owner) => {
        const counted = this.counted(history, owner);
        const isFiring = this.firing.has(scopeKey(history.node, history.gpuUuid, owner));
        return isFiring ? [] : (this.incidentOf(history, owner, counted, "pending") ?? []);
      }),
    );
    return [...this.firing.values(), ...pending];
  }

  private closeWindow(slices: readonly SliceFact[]): IncidentChange[] {
    const first = slices[0];
    if (!first) return [];
    const history = this.historyOf(first);
    const owners = new Set(
      [...this.firing.values()]
        .filter((incident) => concerns(incident, history))
        .map((incident) => incident.ownerKey ?? ""),
    );
    for (const slice of slices) {
      if (!history.add(slice)) this.drops += 1;
      else if (slice.label === "mining-like") owners.add(slice.ownerKey);
    }
    return [...owners].flatMap((owner) => this.evaluate(history, owner));
  }

  private evaluate(history: GpuHistory, owner: string): IncidentChange[] {
    const key = scopeKey(history.node, history.gpuUuid, owner);
    const incident = this.firing.get(key);
    if (incident) return this.follow(key, incident, history);
    const counted = this.counted(history, owner);
    if (countedMs(counted) < this.settings.dwellMs) return [];
    const opened = this.incidentOf(history, owner, counted, "firing");
    if (!opened) return [];
    this.firing.set(key, opened);
    return [{ action: "opened", incident: opened }];
  }

  private follow(key: string, incident: Incident, history: GpuHistory): IncidentChange[] {
    const clear = history.clearTime(incident.ownerKey ?? "");
    if (clear.observedMs < this.settings.clearMs) {
      const updated = this.news(incident, history);
      if (updated) this.firing.set(key, updated);
      return updated
        ? [{ action: "updated", incident: updated }]
        : this.sayIfSilent(incident, history, history.newestMs);
    }
    const summary = resolvedSummary(incident.startedAtMs, clear);
    const ended = advance(incident, history.newestMs, { state: "resolved", summary });
    const resolved = { ...ended, resolvedAtMs: ended.updatedAtMs };
    this.firing.delete(key);
    this.rememberEnd(key, resolved.updatedAtMs);
    return [{ action: "resolved", incident: resolved }];
  }

  /**
   * The incident raised or with a family that agrees now, at once, or with new kinds of evidence, now
   * and then; undefined if neither.
   */
  private news(incident: Incident, history: GpuHistory): Incident | undefined {
    const lookBackFromMs = history.newestMs - this.settings.lookBackMs;
    const sinceMs = Math.max(incident.startedAtMs, lookBackFromMs);
    const windows = history.hits(incident.ownerKey ?? "", sinceMs);
    const newestFirst = windows.map((window) => window.part.evidence).reverse();
    const severity = miningSeverity(newestFirst);
    const known = new Set(incident.evidence.map((item) => featureKey(item)));
    const isNew = newestFirst.flat().some((item) => isNews(item) && !known.has(featureKey(item)));
    const raised = isGraver(severity, incident.severity);
    const mayUpdate = history.newestMs - incident.updatedAtMs >= this.settings.updateEveryMs;
    const joined = joinedFamilies(newestFirst, incident.evidence).length > 0;
    if (!raised && !joined && !(isNew && mayUpdate)) return undefined;
    const top = raised ? severity : incident.severity;
    const evidence = mergeEvidence([...newestFirst, incident.evidence]);
    const summary = firingSummary(windows, top, incident.evidence);
    return advance(incident, history.newestMs, { severity: top, evidence, summary });
  }

  private sayIfSilent(incident: Incident, history: GpuHistory, nowMs: number): IncidentChange[] {
    const { silenceMs, updateEveryMs } = this.settings;
    const lastMs = history.lastObservedMs();
    if (lastMs === undefined || nowMs - lastMs < silenceMs) return [];
    const wasSaid = incident.updatedAtMs >= lastMs + silenceMs;
    if (wasSaid || nowMs - incident.updatedAtMs < updateEveryMs) return [];
    const updated = advance(incident, nowMs, { summary: silentSummary(lastMs) });
    this.firing.set(scopeKey(history.node, history.gpuUuid, incident.ownerKey ?? ""), updated);
    return [{ action: "updated", incident: updated }];
  }

  private counted(history: GpuHistory, owner: string): HitWindow[] {
    const endedMs = this.resolvedAtMs.get(scopeKey(history.node, history.gpuUuid, owner));
    const sinceMs = history.newestMs - this.settings.lookBackMs;
    return history.hits(owner, Math.max(sinceMs, endedMs ?? sinceMs));
  }

  private incidentOf(
    history: GpuHistory,
    owner: string,
    counted: readonly HitWindow[],
    state: "pending" | "firing",
  ): Incident | undefined {
    const startedAtMs = counted[0]?.fromMs;
    if (startedAtMs === undefined) return undefined;
    const { node, gpuUuid, newestMs } = history;
    const newestFirst = counted.map((window) => window.part.evidence).reverse();
    const severity = miningSeverity(newestFirst);
    const simulated = counted.every((window) => window.part.simulated);
    const scope = scopeKey(node, MINING_RULE, gpuUuid, owner);
    return {
      id: incidentId(this.hash, scope, startedAtMs),
      rule: MINING_RULE,
      severity,
      state,
      node,
      gpuUuid,
      ownerKey: owner,
      startedAtMs,
      updatedAtMs: newestMs,
      firedAtMs: state === "firing" ? newestMs : undefined,
      title: miningTitle({ node, gpuUuid, ownerKey: owner }, simulated),
      summary: firingSummary(counted, severity),
      evidence: mergeEvidence(newestFirst),
      simulated,
    };
  }

  private historyOf(fact: SliceFact): GpuHistory {
    const key = scopeKey(fact.node, fact.gpuUuid);
    const known = this.histories.get(key);
    if (known) return known;
    const { retentionMs } = this;
    const created = new GpuHistory(fact, { retentionMs, kindOf: this.kindOf });
    this.histories.set(key, created);
    return created;
  }

  private rememberEnd(key: string, atMs: number): void {
    this.resolvedAtMs.set(key, Math.max(atMs, this.resolvedAtMs.get(key) ?? atMs));
  }
}

/** Facts that move no weight and yet change what a reader would do next. */
const TELLING: ReadonlySet<string> = new Set(["tunnel", "internalProbing", "newDestination"]);

function isNews(item: Evidence): boolean {
  return miningWeight(item) > 0 || TELLING.has(item.feature);
}

function miningKind(fact: SliceFact, minConfidence: number): ReturnType<KindOf> {
  if (fact.ownerKey === "unobserved") return "unobserved";
  if (fact.label === "mining-like") return fact.confidence >= minConfidence ? "hit" : "hint";
  return fact.label === "unknown" ? "unknown" : "clear";
}

function concerns(incident: Incident, history: GpuHistory): boolean {
  return incident.gpuUuid === history.gpuUuid && incident.node === history.node;
}
