import { type SliceFact, sliceFactOf } from "../alert/facts.ts";
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
    const { retentionMs } = this.engine;
    const oldestMs = Math.min(...ends.values()) - retentionMs;
    const incidents = await ledger.incidents({});
    const relevant = incidents.filter(
      ({ state, resolvedAtMs }) => state !== "resolved" || (resolvedAtMs ?? 0) >= oldestMs,
    );
    const facts: SliceFact[] = [];
    // Each device from its own end: one that left long ago must not drag in everybody's months.
    for (const [gpuUuid, toMs] of ends) {
      const slices = await ledger.slices({ gpuUuid, fromMs: toMs - retentionMs, toMs });
      facts.push(...slices.map(sliceFactOf));
    }
    this.engine.restore(relevant, facts);
  }

  observe(slices: readonly Slice[], atMs: number): AlertOutcome {
    const changes = [
      ...this.engine.observe(slices.map(sliceFactOf)),
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
