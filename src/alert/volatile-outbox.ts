import type { DeliveryOutcome, Outbox, OutboxEntry, OutboxMessage } from "../ledger/contract.ts";

const MAX_MESSAGES = 1000;

/**
 * Messages that cannot be made durable for now, in memory and bounded: what does not fit is counted.
 * Each is delivered once; a message that was settled is not taken a second time.
 */
export class VolatileOutbox implements Outbox {
  /** Messages there was no room for. */
  drops = 0;
  private readonly entries = new Map<string, OutboxEntry>();

  /** @returns whether there is something new to deliver */
  commit(messages: readonly OutboxMessage[]): boolean {
    let isNews = false;
    for (const message of messages) {
      const key = keyOf(message.id, message.endpoint);
      if (this.entries.has(key)) continue;
      if (this.entries.size >= MAX_MESSAGES) {
        this.drops += 1;
        continue;
      }
      const nextAttemptAtMs = message.createdAtMs;
      this.entries.set(key, { ...message, attempts: 0, nextAttemptAtMs, state: "due" });
      isNews = true;
    }
    return isNews;
  }

  /** Takes everything out. @returns what was not delivered */
  takeUndelivered(): OutboxMessage[] {
    const left = [...this.entries.values()].filter(({ state }) => state !== "delivered");
    this.entries.clear();
    return left.map(asMessage);
  }

  async due(nowMs: number, limit: number, endpoint?: string): Promise<OutboxEntry[]> {
    return [...this.entries.values()]
      .filter((entry) => entry.state === "due" && entry.nextAttemptAtMs <= nowMs)
      .filter((entry) => endpoint === undefined || entry.endpoint === endpoint)
      .slice(0, limit);
  }

  /** Of a message that was taken out meanwhile nothing is noted. */
  async settle(id: string, endpoint: string, outcome: DeliveryOutcome): Promise<void> {
    const key = keyOf(id, endpoint);
    const entry = this.entries.get(key);
    if (!entry) return;
    const attempts = entry.attempts + 1;
    const next =
      outcome.state === "retry"
        ? { nextAttemptAtMs: outcome.nextAttemptAtMs, lastError: outcome.error }
        : { state: outcome.state };
    this.entries.set(key, { ...entry, attempts, ...next });
  }

  async outboxStatus(): ReturnType<Outbox["outboxStatus"]> {
    const count = (state: OutboxEntry["state"]): number =>
      [...this.entries.values()].filter((entry) => entry.state === state).length;
    return { due: count("due"), delivered: count("delivered"), dead: count("dead") };
  }
}

function keyOf(id: string, endpoint: string): string {
  return JSON.stringify([endpoint, id]);
}

function asMessage({ id, endpoint, type, body, createdAtMs }: OutboxEntry): OutboxMessage {
  return { id, endpoint, type, body, createdAtMs };
}
