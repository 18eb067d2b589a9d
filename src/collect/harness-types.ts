import type { Observation } from "../model/observation.ts";
import type { BackoffSettings } from "./backoff.ts";
import type { CollectorHealth } from "./contract.ts";

/** What users may set. */
export interface HarnessSettings {
  /** Waits between attempts of a collector that throws: 1 s to 60 s by default. */
  backoff: BackoffSettings;
  /** How often a source that was not there is looked for again: 60 s by default. */
  absentRetryMs: number;
  /** How long closing waits for each collector: 3 s by default. */
  closeTimeoutMs: number;
}

/** A change of state, told once: for the log. */
export type HarnessEvent =
  | { kind: "ready" | "recovered"; name: string; detail: string }
  | {
      kind: "absent";
      name: string;
      detail: string;
      hint?: string | undefined;
      /** It has served before, and is gone. */
      isMissed: boolean;
    }
  | { kind: "failing"; name: string; detail: string; error: unknown };

export interface HarnessDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  onEvent?: ((event: HarnessEvent) => void) | undefined;
}

/** What one collector saw since the tick before, and how it stands now. */
export interface TickReading {
  collector: string;
  state: CollectorHealth["state"];
  observations: readonly Observation[];
}
