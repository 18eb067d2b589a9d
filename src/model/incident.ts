import type { Evidence } from "./evidence.ts";

export type Severity = "notice" | "warning" | "critical";
export type IncidentState = "pending" | "firing" | "resolved";

/** One thing that went wrong, from first suspicion to resolution: one incident is one alert. */
export interface Incident {
  /** Stable for the incident's life and across restarts. */
  id: string;
  rule: string;
  severity: Severity;
  state: IncidentState;
  node: string;
  gpuUuid?: string | undefined;
  ownerKey?: string | undefined;
  startedAtMs: number;
  updatedAtMs: number;
  firedAtMs?: number | undefined;
  resolvedAtMs?: number | undefined;
  title: string;
  summary: string;
  evidence: readonly Evidence[];
  simulated: boolean;
}
