import type { Incident } from "../model/incident.ts";
import type { BudgetFact, MiningFact } from "./facts.ts";
import { BudgetRule } from "./rules/budget.ts";
import type { Hash, IncidentChange } from "./rules/change.ts";
import { MiningRule, type MiningSettings, miningSettings } from "./rules/mining.ts";

export type { IncidentChange } from "./rules/change.ts";

export interface IncidentEngineSettings {
  mining?: Partial<MiningSettings> | undefined;
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
  private readonly budget: BudgetRule;

  constructor(settings: IncidentEngineSettings) {
    this.mining = new MiningRule(miningSettings(settings.mining), settings.hash);
    this.budget = new BudgetRule(settings.hash);
  }

  /** How much of each device's newest past {@link restore} needs, before its last slice's end. */
  get retentionMs(): number {
    return this.mining.retentionMs;
  }

  /** Slices that came too late to be counted. */
  get drops(): number {
    return this.mining.drops;
  }

  /** Takes final slices; those of one device's window all in one call. */
  observe(facts: readonly MiningFact[]): IncidentChange[] {
    return this.mining.observe(facts);
  }

  observeBudgets(facts: readonly BudgetFact[]): IncidentChange[] {
    return this.budget.observe(facts);
  }

  /** Time has reached `nowMs`, whether or not anything was measured. */
  tick(nowMs: number): IncidentChange[] {
    return this.mining.tick(nowMs);
  }

  /**
   * Continues after a restart, before anything is observed. Emits nothing: what is firing has been
   * announced.
   * @param incidents the newest state of those open, and of those resolved within `retentionMs`
   * @param facts slices of each device from `retentionMs` before its last slice's end
   */
  restore(incidents: readonly Incident[], facts: readonly MiningFact[]): void {
    this.mining.restore(incidents, facts);
    this.budget.restore(incidents);
  }

  /** Firing incidents, and suspicions still `pending`, which nobody is told of. */
  open(): Incident[] {
    return [...this.mining.open(), ...this.budget.open()];
  }
}
