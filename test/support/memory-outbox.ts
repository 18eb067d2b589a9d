import type {
  DeliveryOutcome,
  Outbox,
  OutboxEntry,
  OutboxMessage,
} from "../../src/ledger/contract.ts";

/** The outbox contract in memory: same promises as the ledger's, but for surviving a crash. */
export class MemoryOutbox implements Outbox {
  readonly entries: OutboxEntry[] = [];

  commit(messages: readonly OutboxMessage[]): void {
    for (const message of messages) {
      if (this.find(message.id, message.endpoint)) continue;
      const nextAttemptAtMs = message.createdAtMs;
      this.entries.push({ ...message, attempts: 0, nextAttemptAtMs, state: "due" });
    }
  }

  async due(nowMs: number, limit: number, endpoint?: string): Promise<OutboxEntry[]> {
    return this.entries
      .filter((entry) => entry.state === "due" && entry.nextAttemptAtMs <= nowMs)
      .filter((entry) => endpoint === undefined || entry.endpoint === endpoint)
      .slice(0, limit)
      .map((entry) => ({ ...entry }));
  }

  async settle(id: string, endpoint: string, outcome: DeliveryOutcome): Promise<void> {
    const entry = this.find(id, endpoint);
    if (!entry) throw new Error(`no message ${id} to ${endpoint}`);
    entry.attempts += 1;
    entry.state = outcome.state === "retry" ? "due" : outcome.state;
    if (outcome.state === "retry") entry.nextAttemptAtMs = outcome.nextAttemptAtMs;
    if (outcome.state !== "delivered") entry.lastError = outcome.error;
  }

  async outboxStatus(): ReturnType<Outbox["outboxStatus"]> {
    const due = this.entries.filter((entry) => entry.state === "due");
    const count = (state: OutboxEntry["state"]): number =>
      this.entries.filter((entry) => entry.state === state).length;
    const nextAtMs = due.length > 0 ? Math.min(...due.map((e) => e.nextAttemptAtMs)) : undefined;
    return { due: due.length, delivered: count("delivered"), dead: count("dead"), nextAtMs };
  }

  find(id: string, endpoint: string): OutboxEntry | undefined {
    return this.entries.find((entry) => entry.id === id && entry.endpoint === endpoint);
  }
}
