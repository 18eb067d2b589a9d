import { createDeliverer, type Deliverer, type DelivererSettings } from "../alert/delivery.ts";
import { toOutbox } from "../alert/message.ts";
import { advance, type Hash, incidentId } from "../alert/rules/change.ts";
import { VolatileOutbox } from "../alert/volatile-outbox.ts";
import type { WriterStatus } from "../ledger/buffered-writer.ts";
import type { LedgerBatch, OutboxMessage } from "../ledger/contract.ts";
import type { Incident } from "../model/incident.ts";

export interface LedgerAlarmSettings {
  node: string;
  /** Endpoints, clock and the rest; not the outbox, which this one keeps in memory. */
  delivery: Omit<DelivererSettings, "outbox">;
  hash: Hash;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Messages that wait to be written, of whatever incident. */
  waiting: () => readonly OutboxMessage[];
  write: (batch: LedgerBatch) => void;
}

/** A disk that stumbles is no news. */
const DWELL_MS = 10_000;
export const LEDGER_RULE = "ledger-unwritable";

/**
 * Says that the ledger cannot be written. The outbox cannot either then, so this message and all
 * others that wait meanwhile are delivered from memory: who fills the disk must not silence alerts.
 * Once writing works, the incident becomes a record, and what memory did not deliver a durable
 * message. Messages that memory did deliver are sent again under the same id.
 */
export class LedgerAlarm {
  private readonly settings: LedgerAlarmSettings;
  private readonly outbox = new VolatileOutbox();
  private readonly deliverer: Deliverer;
  private incident: Incident | undefined;
  private dwelling: AbortController | undefined;
  private droppedBefore = 0;
  private isLossTold = false;

  constructor(settings: LedgerAlarmSettings) {
    this.settings = settings;
    this.deliverer = createDeliverer({ ...settings.delivery, outbox: this.outbox });
  }

  start(): void {
    this.deliverer.start();
  }

  async stop(): Promise<void> {
    this.dwelling?.abort();
    await this.deliverer.stop();
  }

  open(): Incident[] {
    return this.incident ? [this.incident] : [];
  }

  /** While it cannot be written: something new may wait. */
  noteWaiting(): void {
    if (this.incident) this.send(this.settings.waiting());
  }

  noteChange(status: WriterStatus): void {
    if (status.state === "ok") this.recovered(status);
    else if (!this.incident) this.dwell(status);
    else if (status.droppedSlices > this.droppedBefore) this.tellLoss();
  }

  private dwell(status: WriterStatus): void {
    if (this.dwelling) return;
    this.droppedBefore = status.droppedSlices;
    this.dwelling = new AbortController();
    void this.fireLater(this.dwelling.signal, status.lastError ?? "unknown");
  }

  private async fireLater(signal: AbortSignal, why: string): Promise<void> {
    const sinceMs = this.settings.delivery.clock();
    await this.settings.sleep(DWELL_MS, signal).catch(() => {});
    if (!signal.aborted) this.fire(sinceMs, why);
  }

  private fire(sinceMs: number, why: string): void {
    const { node, hash, delivery } = this.settings;
    const nowMs = delivery.clock();
    this.incident = {
      id: incidentId(hash, `${LEDGER_RULE} ${node}`, sinceMs),
      rule: LEDGER_RULE,
      severity: "critical",
      state: "firing",
      node,
      startedAtMs: sinceMs,
      firedAtMs: nowMs,
      updatedAtMs: nowMs,
      title: `The ledger of ${node} cannot be written`,
      summary: `${why}. Measuring goes on in memory; when that is full, the oldest slices are lost.`,
      evidence: [],
      simulated: false,
    };
    this.send(toOutbox({ incident: this.incident, action: "opened" }, delivery.endpoints, nowMs));
    this.noteWaiting();
  }

  private tellLoss(): void {
    if (!this.incident || this.isLossTold) return;
    this.isLossTold = true;
    const nowMs = this.settings.delivery.clock();
    const summary =
      "Memory is full: the oldest measured slices are being lost. Each becomes a gap.";
    this.incident = advance(this.incident, nowMs, { summary });
    const change = { incident: this.incident, action: "updated" } as const;
    this.send(toOutbox(change, this.settings.delivery.endpoints, nowMs));
  }

  private recovered({ droppedSlices }: WriterStatus): void {
    this.dwelling?.abort();
    this.dwelling = undefined;
    this.isLossTold = false;
    const fired = this.incident;
    if (!fired) return;
    this.incident = undefined;
    const { write, delivery } = this.settings;
    const nowMs = delivery.clock();
    const lost = droppedSlices - this.droppedBefore;
    const loss = lost === 0 ? "Nothing was lost" : `${lost} slices were lost: gaps say when`;
    const resolved = advance(fired, nowMs, {
      state: "resolved",
      resolvedAtMs: nowMs,
      summary: `The ledger is written again. ${loss}.`,
    });
    const last = toOutbox({ incident: resolved, action: "resolved" }, delivery.endpoints, nowMs);
    const ours = this.outbox.takeUndelivered();
    write({ incidents: [fired, resolved], outbox: [...ours, ...last] });
  }

  private send(messages: readonly OutboxMessage[]): void {
    if (this.outbox.commit(messages)) this.deliverer.poke();
  }
}
