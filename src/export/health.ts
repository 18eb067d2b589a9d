import type { IncidentState } from "../model/incident.ts";

/** What is known of one collector; the collectors' own health record fits. */
export interface CollectorReading {
  name: string;
  state: string;
  lastDurationMs?: number | undefined;
  meanDurationMs?: number | undefined;
  maxDurationMs?: number | undefined;
  lastSuccessAtMs?: number | undefined;
  successes: number;
  failures: number;
  drops: number;
}

/** The agent's own state at one moment. What is not known is absent, and so is its metric. */
export interface HealthReading {
  collectors: readonly CollectorReading[];
  /** `failing`: it cannot be written. */
  ledger?: { queued: number; dropped: number; failing: boolean } | undefined;
  alerts?: Readonly<Partial<Record<IncidentState, number>>> | undefined;
  outbox?: { due: number; delivered: number; dead: number } | undefined;
  gpus: readonly {
    uuid: string;
    index: number;
    model: string;
    node: string;
    simulated: boolean;
    /** Since its last sample; absent where nothing is live. */
    stalenessMs?: number | undefined;
    measuredWith?: Readonly<Record<string, string>> | undefined;
  }[];
  sampling?: SamplingReading | undefined;
  /** Of the devices that may be probed; absent where none is. */
  probes?: readonly ProbeReading[] | undefined;
}

/** What the agent's own launches on one device came to. */
export interface ProbeReading {
  uuid: string;
  /** Of its device process. */
  state: string;
  restarts: number;
  runs: number;
  /** What they were measured to take, those that failed by the host's clock. */
  gpuSeconds: number;
  /** Of it, what is still to be paid off before the next one. */
  debtSeconds: number;
  /** How often nothing was launched although it was time, by reason. */
  refusals: Readonly<Record<string, number>>;
}

/** How often a live node is sampled. */
export interface SamplingReading {
  /** The interval in force. */
  intervalMs: number;
  fastMs: number;
  /** Windows that were to be sampled fast, and were not. */
  refused: number;
}
