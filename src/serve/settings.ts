import type { FastifyBaseLogger } from "fastify";
import type { PriceList } from "../bill/price-list.ts";
import type { LedgerReader } from "../ledger/contract.ts";

/** How the daemon does: degraded exactly where there are reasons. */
export interface HealthSnapshot {
  node: string;
  agentVersion: string;
  startedAtMs: number;
  /** Why the daemon does not do its whole work, in sentences; empty where it does. */
  reasons: readonly string[];
}

/** What the server needs; all of it is read only. */
export interface ServerSettings {
  ledger: LedgerReader;
  /** The price list in force; undefined without one. May throw what parsing it throws. */
  prices: () => PriceList | undefined;
  metrics: { readonly contentType: string; render(): Promise<string> };
  health: () => HealthSnapshot;
  nowMs: () => number;
  log?: FastifyBaseLogger | undefined;
}
