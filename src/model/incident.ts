import type { Evidence } from "./evidence.ts";
import type { RunContext } from "./observation.ts";

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
  /** What was active when it began, the best explanation first. */
  causes?: readonly Cause[] | undefined;
  /** What it has taken so far. */
  usage?: IncidentUsage | undefined;
  /** Incidents that recur on one owner, agent or image have one. */
  story?: string | undefined;
}

/** A run, an episode or a tool call that may explain an incident. It is no proof. */
export interface Cause {
  context: RunContext;
  /** 0..1: how well it explains the beginning, beside the others. */
  score: number;
  /** Sentences with the numbers they rest on. Escaped. */
  reasons: readonly string[];
}

/** GPU time, energy and money of an incident's slices, up to `untilMs`. */
export interface IncidentUsage {
  untilMs: number;
  gpuMs: number;
  /** Absent where none of it was measured. */
  energyMj?: number | undefined;
  /** Part of `gpuMs` whose energy was not measured. */
  energyUnmeasuredMs: number;
}
