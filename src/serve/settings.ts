import type { FastifyBaseLogger } from "fastify";
import type { ConfiguredNames } from "../bill/names.ts";
import type { PriceList } from "../bill/price-types.ts";
import type { LedgerReader } from "../ledger/contract.ts";
import type { Evidence } from "../model/evidence.ts";
import type { Label } from "../model/label.ts";
import type { Signature } from "../model/signature.ts";
import type { ContextIntakeSettings } from "./otlp.ts";
import type { Window } from "../model/window.ts";

/** How the daemon does: degraded exactly where there are reasons. */
export interface HealthSnapshot {
  node: string;
  agentVersion: string;
  startedAtMs: number;
  /** Why the daemon does not do its whole work, in sentences; empty where it does. */
  reasons: readonly string[];
}

/** The newest verdict on a device, before its neighbours have been heard. */
export interface LiveLabel {
  label: Label;
  confidence: number;
  window: Window;
  evidence: readonly Evidence[];
  features: Signature["features"];
}

/** What the server needs; all of it but `context` is read only. */
export interface ServerSettings {
  ledger: LedgerReader;
  /** The price list in force; undefined without one. May throw what parsing it throws. */
  prices: () => PriceList | undefined;
  /** Who bills, for the formats that say so; the node's own name where nothing was configured. */
  billing?: ConfiguredNames | undefined;
  metrics: { readonly contentType: string; render(): Promise<string> };
  health: () => HealthSnapshot;
  /** The newest verdict on a device; absent where nothing runs live. */
  live?: ((gpuUuid: string) => LiveLabel | undefined) | undefined;
  /** Where run context goes that is sent to the server; without it nothing is taken. */
  context?: ContextIntakeSettings | undefined;
  nowMs: () => number;
  log?: FastifyBaseLogger | undefined;
}
