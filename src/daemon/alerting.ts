import { miningFactOf } from "../alert/facts.ts";
import { IncidentEngine } from "../alert/incidents.ts";
import { toOutbox } from "../alert/message.ts";
import type { MiningSettings } from "../alert/rules/mining.ts";
import type { AlertOutcome } from "../agent.ts";
import type { LedgerReader } from "../ledger/contract.ts";
import type { Slice } from "../model/slice.ts";
import type { BudgetMeter } from "./budgets.ts";

export interface AlertingSettings {
  mining: Partial<MiningSettings>;
  budgets: BudgetMeter | undefined;
  /** Names of the endpoints that every change is sent to. */
  endpoints: readonly { name: string }[];
  hash: (text: string) => string;
  /** The wall clock: deliveries are due in real time, also for what a replay found. */
  nowMs: () => number;
}

/** Turns finished slices into incidents and messages, to be committed together with the slices. */
export class Alerting {
  private readonly engine: IncidentEngine;
  private readonly settings: AlertingSettings;

  constructor(settings: AlertingSettings) {
    this.settings = settings;
    this.engine = new IncidentEngine({ mining: settings.mining, hash: settings.hash });
  }

  /** Continues where the ledger ends, before anything is observed. */
  async restore(ledger: LedgerReader): Promise<void> {
    await this.settings.budgets?.restore(ledger);
    const ends = await ledger.lastSliceEnds();
    if (ends.size === 0) return;
    const newestMs = Math.max(...ends.values());
    const sinceMs = Math.min(...ends.values()) - this.engine.retentionMs;
    const all = await ledger.incidents({});
    const relevant = all.filter(
      (incident) => incident.state !== "resolved" || (incident.resolvedAtMs ?? 0) >= sinceMs,
    );
    const slices = await ledger.slices({ fromMs: sinceMs, toMs: newestMs });
    this.engine.restore(relevant, slices.map(miningFactOf));
  }

  observe(slices: readonly Slice[], atMs: number): AlertOutcome {
    const changes = [
      ...this.engine.observe(slices.map(miningFactOf)),
      ...this.engine.observeBudgets(this.settings.budgets?.observe(slices, atMs) ?? []),
      ...this.engine.tick(atMs),
    ];
    const { endpoints, nowMs } = this.settings;
    return {
      incidents: changes.map((change) => change.incident),
      outbox: changes.flatMap((change) => toOutbox(change, endpoints, nowMs())),
    };
  }

  open(): ReturnType<IncidentEngine["open"]> {
    return this.engine.open();
  }
}
