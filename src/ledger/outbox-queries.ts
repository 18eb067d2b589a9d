import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { DeliveryOutcome, OutboxEntry } from "./contract.ts";
import { bounded } from "./bounded.ts";
import { absent } from "./row.ts";

const MAX_ERROR = 1024;

/** In the order of commits, whatever was put off since: an incident's end never overtakes its begin. */
const DUE = `
  SELECT id, endpoint, type, body, created_at_ms AS createdAtMs, attempts,
    next_attempt_at_ms AS nextAttemptAtMs, state, last_error AS lastError
  FROM outbox WHERE state = 'due' AND next_attempt_at_ms <= @nowMs
    AND (@endpoint IS NULL OR endpoint = @endpoint)
  ORDER BY rowid LIMIT @limit`;

const SETTLE = `
  UPDATE outbox SET state = @state, attempts = attempts + 1, last_error = @error,
    next_attempt_at_ms = coalesce(@nextMs, next_attempt_at_ms), settled_at_ms = @settledMs
  WHERE id = @id AND endpoint = @endpoint AND state = 'due'`;

const STATUS = `
  SELECT count(*) FILTER (WHERE state = 'due') AS due,
    count(*) FILTER (WHERE state = 'delivered') AS delivered,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    min(next_attempt_at_ms) FILTER (WHERE state = 'due') AS nextAtMs
  FROM outbox`;

const entryRow = z.object({
  id: z.string(),
  endpoint: z.string(),
  type: z.string(),
  body: z.string(),
  createdAtMs: z.int(),
  attempts: z.int(),
  nextAttemptAtMs: z.int(),
  state: z.enum(["due", "delivered", "dead"]),
  lastError: absent(z.string()),
});

const statusRow = z.object({
  due: z.int(),
  delivered: z.int(),
  dead: z.int(),
  nextAtMs: absent(z.int()),
});

export function due(db: Database, nowMs: number, limit: number, endpoint?: string): OutboxEntry[] {
  const query = { nowMs, limit, endpoint: endpoint ?? null };
  return z.array(entryRow).parse(db.prepare(DUE).all(query));
}

/** @throws Error where no such message is due: it was settled already, or never there */
export function settle(db: Database, id: string, endpoint: string, outcome: DeliveryOutcome): void {
  const retry = outcome.state === "retry";
  const { changes } = db.prepare(SETTLE).run({
    id,
    endpoint,
    state: retry ? "due" : outcome.state,
    error: "error" in outcome ? bounded(outcome.error, MAX_ERROR) : null,
    nextMs: retry ? outcome.nextAttemptAtMs : null,
    settledMs: retry ? null : outcome.atMs,
  });
  if (changes === 0) throw new Error(`no message ${id} is due for ${endpoint}`);
}

export function outboxStatus(db: Database): z.infer<typeof statusRow> {
  return statusRow.parse(db.prepare(STATUS).get());
}
