import type { Observation } from "../model/observation.ts";
import type { OpenResult } from "./contract.ts";
import type { HolderHint } from "./host/board.ts";

/**
 * A source whose calls block the thread they run on. It keeps no clock: `atMs` is Unix time for what
 * it says, `nowMs` is monotonic, for its waits. Like a `Collector` it throws when it breaks, and its
 * `close` is safe without `open`, and twice.
 */
export interface BlockingSource {
  /** What it says of itself now, where that changes from reading to reading. */
  readonly detail?: string | undefined;
  open(nowMs: number): OpenResult;
  /** @param hints processes that other sources name as users of a device */
  collect(atMs: number, nowMs: number, hints?: readonly HolderHint[]): readonly Observation[];
  close(): void;
}
