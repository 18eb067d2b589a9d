import type { Incident } from "../../model/incident.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import type { BudgetFact } from "../facts.ts";
import { advance, type Hash, type IncidentChange, incidentId, scopeKey } from "./change.ts";
import { isoTime } from "./mining-text.ts";

const RULE_PREFIX = "budget-";

/**
 * Warns when an owner has spent more than the budget's limit (at the limit is within it). Resolved
 * when the next period begins, or when what was spent no longer exceeds the limit because somebody
 * raised the limit or corrected a price.
 */
export class BudgetRule {
  private readonly hash: Hash;
  private readonly firing = new Map<string, Incident>();
  private readonly resolvedAtMs = new Map<string, number>();

  constructor(hash: Hash) {
    this.hash = hash;
  }

  observe(facts: readonly BudgetFact[]): IncidentChange[] {
    return facts.flatMap((fact) => this.judge(fact));
  }

  restore(incidents: readonly Incident[]): void {
    for (const incident of incidents) {
      if (!incident.rule.startsWith(RULE_PREFIX)) continue;
      const key = scopeKey(incident.node, incident.rule, incident.ownerKey ?? "");
      if (incident.state === "firing") this.firing.set(key, incident);
      if (incident.resolvedAtMs !== undefined) this.rememberEnd(key, incident.resolvedAtMs);
    }
  }

  /** Takes over what others have added to a firing incident, so that it is as the ledger has it. */
  adopt(incident: Incident): void {
    for (const [key, { id }] of this.firing) if (id === incident.id) this.firing.set(key, incident);
  }

  open(): Incident[] {
    return [...this.firing.values()];
  }

  private judge(fact: BudgetFact): IncidentChange[] {
    const key = scopeKey(fact.node, `${RULE_PREFIX}${fact.period}`, fact.ownerKey);
    const incident = this.firing.get(key);
    const isOver = fact.spentNanos > fact.limitNanos;
    if (fact.atMs < (incident?.startedAtMs ?? this.resolvedAtMs.get(key) ?? fact.atMs)) return [];
    if (!incident) return isOver ? [this.openFor(key, fact)] : [];
    const isNextPeriod = fact.periodStartMs > incident.startedAtMs;
    if (!isNextPeriod && isOver) return [];
    const ended = advance(incident, fact.atMs, {
      state: "resolved",
      summary: isNextPeriod
        ? `The next ${fact.period} began at ${isoTime(fact.periodStartMs)}.`
        : `${spending(fact)}: no longer over the limit.`,
    });
    this.firing.delete(key);
    this.rememberEnd(key, ended.updatedAtMs);
    const resolved = { ...ended, resolvedAtMs: ended.updatedAtMs };
    const changes: IncidentChange[] = [{ action: "resolved", incident: resolved }];
    return isOver ? [...changes, this.openFor(key, fact)] : changes;
  }

  private openFor(key: string, fact: BudgetFact): IncidentChange {
    const startedAtMs = Math.max(fact.atMs, this.resolvedAtMs.get(key) ?? fact.atMs);
    const { node, ownerKey, period, simulated } = fact;
    const rule = `${RULE_PREFIX}${period}`;
    const incident: Incident = {
      id: incidentId(this.hash, scopeKey(node, rule, ownerKey), startedAtMs),
      rule,
      severity: "warning",
      state: "firing",
      node,
      ownerKey,
      startedAtMs,
      updatedAtMs: startedAtMs,
      firedAtMs: startedAtMs,
      title: `${simulated ? "[simulated] " : ""}Budget of the ${period} exceeded by ${sanitize(ownerKey, 80)}`,
      summary: `${spending(fact)} since ${isoTime(fact.periodStartMs)}.`,
      evidence: [
        {
          family: "context",
          feature: "spent",
          value: amount(fact.spentNanos, fact.currency),
          text: spending(fact),
          weights: {},
        },
      ],
      simulated,
    };
    this.firing.set(key, incident);
    return { action: "opened", incident };
  }

  private rememberEnd(key: string, atMs: number): void {
    this.resolvedAtMs.set(key, Math.max(atMs, this.resolvedAtMs.get(key) ?? atMs));
  }
}

function spending(fact: BudgetFact): string {
  const spent = amount(fact.spentNanos, fact.currency);
  return `${spent} spent of ${amount(fact.limitNanos, fact.currency)}`;
}

/** All nine places, less trailing zeros beyond the second: a limit passed by a hair shows. */
function amount(nanos: bigint, currency: string): string {
  return `${formatDecimal(nanos, 9).replace(/0{1,7}$/, "")} ${sanitize(currency, 8)}`;
}
