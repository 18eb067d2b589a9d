import type { Incident } from "../model/incident.ts";
import { type BudgetFact, byWindow, type SliceFact } from "./facts.ts";
import { BudgetRule } from "./rules/budget.ts";
import type { Hash, IncidentChange } from "./rules/change.ts";
import { MiningRule, type MiningSettings, miningSettings } from "./rules/mining.ts";
import { OWNER_RULES } from "./rules/owner-kinds.ts";
import { OwnerRule, type OwnerRuleSettings } from "./rules/owner-rule.ts";

export type { IncidentChange } from "./rules/change.ts";

/** Whether a rule is followed, and from how much time on. */
export interface RuleSwitch {
  enabled?: boolean | undefined;
  dwellMs?: number | undefined;
}

export interface IncidentEngineSettings {
  mining?: Partial<MiningSettings> | undefined;
  /** Busy time that no visible process explains. 5 min by default. */
  hidden?: RuleSwitch | undefined;
  /** Tunnels beside GPU work. 1 min by default. */
  tunnel?: RuleSwitch | undefined;
  /** Pool connections, probing, and destinations that are not allowed. 30 s by default. */
  network?: RuleSwitch | undefined;
  /** Makes ids: the same text always gives the same short text of letters and digits. */
  hash: Hash;
}

/**
 * Facts in, changes of incidents out; no clock, no I/O. Commit every returned change's incident, and
 * the messages about it, in the ledger batch of the slices it came from: then a restart that reads
 * incidents and slices back goes on exactly where the last batch ended.
 */
export class IncidentEngine {
  private readonly mining: MiningRule;
  private readonly owners: readonly OwnerRule[];
  private readonly budget: BudgetRule;

  constructor(settings: IncidentEngineSettings) {
    const mining = miningSettings(settings.mining);
    this.mining = new MiningRule(mining, settings.hash);
    this.owners = OWNER_RULES.map(
      (kind) => new OwnerRule(kind, ownerSettings(kind.rule, settings, mining), settings.hash),
    );
    this.budget = new BudgetRule(settings.hash);
  }

  /** How much of each device's newest past {@link restore} needs, before its last slice's end. */
  get retentionMs(): number {
    return Math.max(...this.ofSlices().map((rule) => rule.retentionMs));
  }

  /** Slices that came too late to be counted. */
  get drops(): number {
    return this.mining.drops;
  }

  /** Takes final slices; those of one device's window all in one call. */
  observe(facts: readonly SliceFact[]): IncidentChange[] {
    return byWindow(facts).flatMap((window) =>
      this.ofSlices().flatMap((rule) => rule.observe(window)),
    );
  }

  observeBudgets(facts: readonly BudgetFact[]): IncidentChange[] {
    return this.budget.observe(facts);
  }

  /** Time has reached `nowMs`, whether or not anything was measured. */
  tick(nowMs: number): IncidentChange[] {
    return this.ofSlices().flatMap((rule) => rule.tick(nowMs));
  }

  /**
   * Continues after a restart, before anything is observed. Emits nothing: what is firing has been
   * announced.
   * @param incidents the newest state of those open, and of those resolved within `retentionMs`
   * @param facts slices of each device from `retentionMs` before its last slice's end
   */
  restore(incidents: readonly Incident[], facts: readonly SliceFact[]): void {
    for (const rule of this.ofSlices()) rule.restore(incidents, facts);
    this.budget.restore(incidents);
  }

  /** Takes over what was added to a firing incident, so that it goes on as the ledger has it. */
  adopt(incident: Incident): void {
    for (const rule of [...this.ofSlices(), this.budget]) rule.adopt(incident);
  }

  /** Firing incidents, and suspicions still `pending`, which nobody is told of. */
  open(): Incident[] {
    return [...this.ofSlices(), this.budget].flatMap((rule) => rule.open());
  }

  private ofSlices(): readonly (MiningRule | OwnerRule)[] {
    return [this.mining, ...this.owners];
  }
}

const DWELL_MS = { hidden: 300_000, tunnel: 60_000, network: 30_000 } as const;

function ownerSettings(
  rule: string,
  settings: IncidentEngineSettings,
  { clearMs, updateEveryMs, silenceMs }: MiningSettings,
): OwnerRuleSettings {
  const group = rule === "hidden-use" ? "hidden" : rule === "tunnel" ? "tunnel" : "network";
  const { enabled = true, dwellMs = DWELL_MS[group] } = settings[group] ?? {};
  return { enabled, dwellMs, clearMs, updateEveryMs, silenceMs };
}
