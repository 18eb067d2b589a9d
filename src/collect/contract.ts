import type { Observation } from "../model/observation.ts";

/** What opening a source found. `absent` is normal (no such device here) and is said once. */
export type OpenResult =
  | { status: "ready"; detail: string }
  | { status: "absent"; reason: string; hint?: string | undefined };

/**
 * One source of facts. It only reads: the harness times it, counts its failures and backs off.
 * `collect` throws when the source breaks; `close` is safe without `open`, and twice.
 */
export interface Collector {
  readonly name: string;
  open(): Promise<OpenResult>;
  /** What there is to see at `atMs` (Unix milliseconds, from the caller's clock). */
  collect(atMs: number): Promise<readonly Observation[]>;
  close(): Promise<void>;
}

/** What the harness knows about one collector: for `/metrics`, `/healthz` and `doctor`. */
export interface CollectorHealth {
  name: string;
  state: "ready" | "absent" | "failing" | "closed";
  detail: string;
  /** Of the newest attempt; absent before the first. */
  lastDurationMs?: number | undefined;
  lastSuccessAtMs?: number | undefined;
  successes: number;
  failures: number;
  /** Readings that were thrown away, such as a tick that came before the last one had ended. */
  drops: number;
}
