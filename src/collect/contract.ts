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
  /**
   * Asking more often than this brings nothing new or costs too much: ticks in between pass it by.
   * Unset for a source that may be read at every tick.
   */
  readonly minIntervalMs?: number | undefined;
  /** What it says of itself now, where that changes from reading to reading; else what `open` said holds. */
  readonly detail?: string | undefined;
  /** What it has thrown away itself so far; the harness adds the readings that it had to skip. */
  readonly dropped?: number | undefined;
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
  /** Of the newest 100 readings that succeeded; opening and failing attempts are not among them. */
  meanDurationMs?: number | undefined;
  maxDurationMs?: number | undefined;
  /** Unix milliseconds; how stale that is, the reader computes from his own clock. */
  lastSuccessAtMs?: number | undefined;
  /** What the newest failure said, also after it has passed. */
  lastErrorText?: string | undefined;
  /** The newest kinds of failures by their text, and how often each came; absent where none did. */
  errors?: readonly ErrorCount[] | undefined;
  successes: number;
  failures: number;
  /** Readings that were thrown away, such as a tick that came before the last one had ended. */
  drops: number;
}

export interface ErrorCount {
  text: string;
  count: number;
}
