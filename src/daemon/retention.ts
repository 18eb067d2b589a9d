import type { Logger } from "pino";
import { ageMs } from "../config/keep.ts";
import type { Config } from "../config/schema.ts";
import type { LedgerKeeper, PruneRequest } from "../ledger/contract.ts";
import { parseSize } from "../model/duration.ts";

const DAY_MS = 86_400_000;
const EVERY_MS = 3_600_000;

/** What is due by the configuration. Detail goes a UTC day at a time: a removal leaves a record. */
export function pruneRequest({ ledger }: Pick<Config, "ledger">, nowMs: number): PruneRequest {
  const { keep, maxSize } = ledger;
  return {
    nowMs,
    detailBeforeMs: Math.floor((nowMs - ageMs(keep.detail)) / DAY_MS) * DAY_MS,
    segmentsBeforeMs: nowMs - ageMs(keep.segments),
    outboxBeforeMs: nowMs - ageMs(keep.outbox),
    maxBytes: maxSize === undefined ? undefined : parseSize(maxSize),
  };
}

/** Removes all that is due, a bounded part at a time. @returns rows by table @throws AssayError ledger/* */
export async function pruneAll(
  ledger: LedgerKeeper,
  request: PruneRequest,
  signal?: AbortSignal,
): Promise<{ removed: Record<string, number>; beforeMs: number | undefined }> {
  const removed: Record<string, number> = {};
  let beforeMs: number | undefined;
  for (;;) {
    const step = await ledger.prune(request);
    for (const [table, rows] of Object.entries(step.removed))
      removed[table] = (removed[table] ?? 0) + rows;
    beforeMs = step.beforeMs ?? beforeMs;
    if (step.isDone || signal?.aborted) break;
  }
  return { removed, beforeMs };
}

export interface RetentionDeps {
  log: Logger;
  nowMs: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  signal: AbortSignal;
}

/** Removes what is due, now and every hour; a ledger that fails is tried again an hour later. */
export async function runRetention(
  ledger: LedgerKeeper,
  config: Pick<Config, "ledger">,
  { log, nowMs, sleep, signal }: RetentionDeps,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const { removed, beforeMs } = await pruneAll(ledger, pruneRequest(config, nowMs()), signal);
      const before = beforeMs === undefined ? undefined : new Date(beforeMs).toISOString();
      if (Object.keys(removed).length > 0)
        log.info({ removed, before }, "the ledger's old detail was removed; its sums stay");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ reason }, "the ledger's old detail cannot be removed for now");
    }
    await sleep(EVERY_MS, signal).catch(() => {});
  }
}
