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
import { featureKey, mergeEvidence } from "./evidence.ts";
import { type ClearTime, GpuHistory, type HitWindow } from "./gpu-history.ts";
import type { OwnerKind } from "./owner-kinds.ts";
import { clearedSummary, seenSummary, type SeenOn, unseenSummary } from "./owner-text.ts";

export interface OwnerRuleSettings {
  enabled: boolean;
  /** Time of the kind's sign on one device, added up over the look-back, that opens an incident. */
  dwellMs: number;
  /** Observed time without it that resolves it, on every device it was seen on. */
  clearMs: number;
  updateEveryMs: number;
  silenceMs: number;
}

/** Whoever shows the sign a quarter of the time is found; slivers between two scans are not. */
const LOOK_BACK_DWELLS = 4;
const RETENTION_CLEARS = 3;
const FORGET_RETENTIONS = 2;

/**
 * One incident for each owner of a node while a sign that its kind looks for is there, over all the
 * devices of the node. Like the mining rule it adds up over a look-back, takes silence for no
 * all-clear, lets severity only rise, and is a function of slices and of the incident's own record.
 */
export class OwnerRule {
  drops = 0;
  readonly retentionMs: number;
  private readonly kind: OwnerKind;
  private readonly settings: OwnerRuleSettings;
  private readonly hash: Hash;
  private readonly histories = new Map<string, GpuHistory>();
  private readonly firing = new Map<string, Incident>();
  private readonly resolvedAtMs = new Map<string, number>();

  constructor(kind: OwnerKind, settings: OwnerRuleSettings, hash: Hash) {
    this.kind = kind;
    this.settings = settings;
    this.hash = hash;
    this.retentionMs = Math.max(this.lookBackMs, RETENTION_CLEARS * settings.clearMs);
  }

  /** All slices of one device's window belong into one call: what is missing counts as not there. */
  observe(facts: readonly SliceFact[]): IncidentChange[] {
    if (!this.settings.enabled) return [];
    return byWindow(facts).flatMap((slices) => this.closeWindow(slices));
  }

  tick(nowMs: number): IncidentChange[] {
    const changes: IncidentChange[] = [];
    for (const incident of this.firing.values())
      changes.push(...this.sayIfSilent(incident, this.seenOn(incident), nowMs));
    for (const [key, history] of this.histories)
      if (nowMs - history.newestMs > FORGET_RETENTIONS * this.retentionMs)
        this.histories.delete(key);
    for (const [key, endedMs] of this.resolvedAtMs)
      if (nowMs - endedMs > FORGET_RETENTIONS * this.retentionMs) this.resolvedAtMs.delete(key);
    return changes;
  }

  restore(incidents: readonly Incident[], facts: readonly SliceFact[]): void {
    for (const incident of incidents) {
      if (incident.rule !== this.kind.rule) continue;
      const key = scopeKey(incident.node, incident.ownerKey ?? "");
      if (incident.state === "firing") this.firing.set(key, incident);
      if (incident.resolvedAtMs !== undefined) this.rememberEnd(key, incident.resolvedAtMs);
    }
    if (!this.settings.enabled) return;
    for (const fact of [...facts].sort((a, b) => a.window.fromMs - b.window.fromMs))
      this.historyOf(fact).add(fact);
  }

  /** Takes over what others have added to a firing incident, so that it is as the ledger has it. */
  adopt(incident: Incident): void {
    const key = scopeKey(incident.node, incident.ownerKey ?? "");
    if (this.firing.get(key)?.id === incident.id) this.firing.set(key, incident);
  }

  /** Those that fire. A sign that has not lasted is no suspicion that anybody waits for. */
  open(): Incident[] {
    return [...this.firing.values()];
  }

  private closeWindow(slices: readonly SliceFact[]): IncidentChange[] {
    const [first] = slices;
    if (!first) return [];
    const { node } = first;
    const open = [...this.firing.values()].filter((incident) => incident.node === node);
    const owners = new Set(open.map((incident) => incident.ownerKey ?? ""));
    const history = this.historyOf(first);
    for (const slice of slices) {
      if (!history.add(slice)) this.drops += 1;
      else if (this.kind.kindOf(slice) === "hit") owners.add(slice.ownerKey);
    }
    return [...owners].flatMap((owner) => this.evaluate(node, owner, history.newestMs));
  }

  private evaluate(node: string, owner: string, nowMs: number): IncidentChange[] {
    const key = scopeKey(node, owner);
    const incident = this.firing.get(key);
    if (incident) return this.follow(key, incident, nowMs);
    const endedMs = this.resolvedAtMs.get(key);
    const seen = this.seenBy(node, owner, (history) =>
      Math.max(history.newestMs - this.lookBackMs, endedMs ?? Number.NEGATIVE_INFINITY),
    );
    const longestMs = Math.max(0, ...seen.map(({ hits }) => this.amountMs(hits)));
    if (longestMs < this.settings.dwellMs || seen.length === 0) return [];
    const opened = this.incidentOf(node, owner, seen, nowMs);
    this.firing.set(key, opened);
    return [{ action: "opened", incident: opened }];
  }

  private incidentOf(
    node: string,
    owner: string,
    seen: readonly SeenOn[],
    nowMs: number,
  ): Incident {
    const { rule } = this.kind;
    const windows = seen.flatMap(({ hits }) => hits);
    const startedAtMs = windows.reduce((least, { fromMs }) => Math.min(least, fromMs), Infinity);
    const evidence = this.evidenceOf(seen);
    const severity = this.kind.severity(evidence);
    const simulated = windows.every(({ part }) => part.simulated);
    const title = this.kind.title(node, owner);
    return {
      id: incidentId(this.hash, scopeKey(node, rule, owner), startedAtMs),
      rule,
      severity,
      state: "firing",
      node,
      ownerKey: owner,
      startedAtMs,
      updatedAtMs: nowMs,
      firedAtMs: nowMs,
      title: `${simulated ? "[simulated] " : ""}${title}`,
      summary: seenSummary(this.kind, seen),
      evidence: mergeEvidence(evidence),
      simulated,
    };
  }

  private follow(key: string, incident: Incident, nowMs: number): IncidentChange[] {
    const seen = this.seenOn(incident);
    const clear = this.clearTime(incident, seen);
    if (clear.observedMs < this.settings.clearMs) {
      const updated = this.news(incident, seen, nowMs);
      if (!updated) return this.sayIfSilent(incident, seen, nowMs);
      this.firing.set(key, updated);
      return [{ action: "updated", incident: updated }];
    }
    const summary = clearedSummary(this.kind, incident.startedAtMs, clear);
    const ended = advance(incident, nowMs, { state: "resolved", summary });
    this.firing.delete(key);
    this.rememberEnd(key, ended.updatedAtMs);
    return [{ action: "resolved", incident: { ...ended, resolvedAtMs: ended.updatedAtMs } }];
  }

  private news(incident: Incident, seen: readonly SeenOn[], nowMs: number): Incident | undefined {
    const evidence = this.evidenceOf(seen);
    const severity = this.kind.severity(evidence);
    const isRaised = isGraver(severity, incident.severity);
    const known = new Set(incident.evidence.map((item) => featureKey(item)));
    const isNew = evidence.flat().some((item) => !known.has(featureKey(item)));
    const mayUpdate = nowMs - incident.updatedAtMs >= this.settings.updateEveryMs;
    if (!isRaised && !(isNew && mayUpdate)) return undefined;
    return advance(incident, nowMs, {
      severity: isRaised ? severity : incident.severity,
      evidence: mergeEvidence([...evidence, incident.evidence]),
      summary: seenSummary(this.kind, seen),
    });
  }

  private sayIfSilent(
    incident: Incident,
    seen: readonly SeenOn[],
    nowMs: number,
  ): IncidentChange[] {
    const { silenceMs, updateEveryMs } = this.settings;
    const concerned = this.concerned(incident, seen);
    // The device that was seen least lately is the one that keeps the incident open.
    const lastMs = Math.min(...concerned.map((history) => history.lastObservedMs() ?? Infinity));
    if (!Number.isFinite(lastMs) || nowMs - lastMs < silenceMs) return [];
    const wasSaid = incident.updatedAtMs >= lastMs + silenceMs;
    if (wasSaid || nowMs - incident.updatedAtMs < updateEveryMs) return [];
    const updated = advance(incident, nowMs, { summary: unseenSummary(lastMs) });
    this.firing.set(scopeKey(incident.node, incident.ownerKey ?? ""), updated);
    return [{ action: "updated", incident: updated }];
  }

  private seenOn(incident: Incident): SeenOn[] {
    const { node, ownerKey = "", startedAtMs } = incident;
    return this.seenBy(node, ownerKey, () => startedAtMs);
  }

  private seenBy(node: string, owner: string, since: (of: GpuHistory) => number): SeenOn[] {
    return this.ofNode(node).flatMap((history) => {
      const hits = history.hits(owner, since(history));
      return hits.length === 0 ? [] : [{ history, gpuUuid: history.gpuUuid, hits }];
    });
  }

  /** Devices that the sign was on; where that was too long ago to tell, all of the node. */
  private concerned({ node }: Incident, seen: readonly SeenOn[]): GpuHistory[] {
    return seen.length > 0 ? seen.map(({ history }) => history) : this.ofNode(node);
  }

  /** The least of the devices: no data of one of them is not all clear. */
  private clearTime(incident: Incident, seen: readonly SeenOn[]): ClearTime {
    const times = this.concerned(incident, seen).map((history) =>
      history.clearTime(incident.ownerKey ?? ""),
    );
    const [first = { observedMs: 0, unknownMs: 0 }, ...rest] = times;
    return rest.reduce((least, time) => (time.observedMs < least.observedMs ? time : least), first);
  }

  private amountMs(hits: readonly HitWindow[]): number {
    return hits.reduce((sum, hit) => sum + this.kind.amountMs(hit), 0);
  }

  private get lookBackMs(): number {
    return LOOK_BACK_DWELLS * this.settings.dwellMs;
  }

  private ofNode(node: string): GpuHistory[] {
    return [...this.histories.values()]
      .filter((history) => history.node === node)
      .sort((a, b) => (a.gpuUuid < b.gpuUuid ? -1 : 1));
  }

  private historyOf(fact: SliceFact): GpuHistory {
    const key = scopeKey(fact.node, fact.gpuUuid);
    const known = this.histories.get(key);
    if (known) return known;
    const { retentionMs } = this;
    const { kindOf } = this.kind;
    const created = new GpuHistory(fact, { retentionMs, kindOf });
    this.histories.set(key, created);
    return created;
  }

  private rememberEnd(key: string, atMs: number): void {
    this.resolvedAtMs.set(key, Math.max(atMs, this.resolvedAtMs.get(key) ?? atMs));
  }

  /** Of all devices, the newest window first. */
  private evidenceOf(seen: readonly SeenOn[]): Evidence[][] {
    return seen
      .flatMap(({ gpuUuid, hits }) => hits.map((hit) => ({ ...hit, gpuUuid })))
      .sort((a, b) => b.toMs - a.toMs || (a.gpuUuid < b.gpuUuid ? -1 : 1))
      .map(({ part }) => this.kind.evidenceOf(part.evidence));
  }
}
