import { byWindow, type SliceFact, sliceFactOf } from "../alert/facts.ts";
import { type Explain, IncidentFile, MAX_PAST } from "../alert/file.ts";
import { IncidentEngine, type IncidentChange, type RuleSwitch } from "../alert/incidents.ts";
import { CONTEXT_RETENTION_MS, MAX_CONTEXTS, MAX_PROCESSES, type WhoNews } from "../alert/known.ts";
import { toOutbox } from "../alert/message.ts";
import type { MiningSettings } from "../alert/rules/mining.ts";
import { usageInLedger } from "../alert/usage-of.ts";
import type { AlertNews, AlertOutcome } from "../agent.ts";
import type { LedgerReader } from "../ledger/contract.ts";
import type { Incident } from "../model/incident.ts";
import type { BudgetMeter } from "./budgets.ts";

export interface AlertingSettings {
  mining: Partial<MiningSettings>;
  hidden?: RuleSwitch | undefined;
  tunnel?: RuleSwitch | undefined;
  network?: RuleSwitch | undefined;
  budgets: BudgetMeter | undefined;
  /** Names of the endpoints that every change is sent to. */
  endpoints: readonly { name: string }[];
  hash: (text: string) => string;
  /** The wall clock: deliveries are due in real time, also for what a replay found. */
  nowMs: () => number;
  /** What may explain an incident; nothing where absent. */
  explain?: Explain | undefined;
}

/** Turns finished slices into incidents and messages, to be committed together with the slices. */
export class Alerting {
  private readonly engine: IncidentEngine;
  private readonly file: IncidentFile;
  private readonly settings: AlertingSettings;

  constructor(settings: AlertingSettings) {
    this.settings = settings;
    this.engine = new IncidentEngine(settings);
    this.file = new IncidentFile({
      hash: settings.hash,
      retentionMs: this.engine.retentionMs,
      explain: settings.explain ?? (() => []),
    });
  }

  /** Continues where the ledger ends, before anything is observed. */
  async restore(ledger: LedgerReader): Promise<void> {
    await this.settings.budgets?.restore(ledger);
    const ends = await ledger.lastSliceEnds();
    if (ends.size === 0) return;
    const { retentionMs } = this.engine;
    const oldestMs = Math.min(...ends.values()) - retentionMs;
    const incidents = await countedIncidents(ledger);
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
    const atMs = Math.max(...ends.values());
    this.file.restore(incidents, facts, await knownWho(ledger, atMs), atMs);
  }

  observe(news: AlertNews, atMs: number): AlertOutcome {
    const { budgets } = this.settings;
    this.file.take(news, atMs);
    // Window by window: what an incident took when it opened, not when a long batch was over.
    const changes = byWindow(news.slices.map(sliceFactOf)).flatMap((window) => {
      this.file.count(window);
      return this.complete(this.engine.observe(window), atMs);
    });
    budgets?.noteOwners(news.owners ?? []);
    const spent = this.engine.observeBudgets(budgets?.observe(news.slices, atMs) ?? []);
    changes.push(...this.complete([...spent, ...this.engine.tick(atMs)], atMs));
    const late = this.file.lateCauses(this.engine.open(), news, atMs);
    changes.push(...this.complete(late, atMs));
    const { endpoints, nowMs } = this.settings;
    return {
      incidents: changes.map(({ incident }) => incident),
      outbox: changes.flatMap((change) =>
        toOutbox(change, endpoints, nowMs(), this.file.detailsOf(change.incident)),
      ),
    };
  }

  open(): ReturnType<IncidentEngine["open"]> {
    return this.engine.open();
  }

  private complete(changes: readonly IncidentChange[], atMs: number): IncidentChange[] {
    return changes.map((change) => {
      const whole = this.file.complete(change, atMs);
      this.engine.adopt(whole.incident);
      return whole;
    });
  }
}

/** The newest incidents; of those that fire the usage, counted from the slices that the ledger has. */
async function countedIncidents(ledger: LedgerReader): Promise<Incident[]> {
  const newest = await ledger.incidents({ limit: MAX_PAST });
  const ids = new Set(newest.map(({ id }) => id));
  const open = await ledger.incidents({ open: true });
  const all = [...newest, ...open.filter(({ id }) => !ids.has(id))];
  return Promise.all(
    all.map(async (incident) =>
      incident.state === "firing"
        ? { ...incident, usage: await usageInLedger(ledger, incident) }
        : incident,
    ),
  );
}

async function knownWho(ledger: LedgerReader, atMs: number): Promise<WhoNews> {
  const window = { fromMs: atMs - CONTEXT_RETENTION_MS, toMs: Number.MAX_SAFE_INTEGER };
  const processes = await ledger.processes({
    toMs: Number.MAX_SAFE_INTEGER,
    limit: MAX_PROCESSES,
  });
  return {
    processes: processes.reverse(),
    contexts: await ledger.contexts({ ...window, limit: MAX_CONTEXTS }),
    owners: await ledger.owners(),
  };
}
