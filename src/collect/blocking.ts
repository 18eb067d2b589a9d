import type { Observation } from "../model/observation.ts";
import type { OpenResult } from "./contract.ts";

/**
 * A source whose calls block the thread they run on. It keeps no clock: `atMs` is Unix time for what
 * it says, `nowMs` is monotonic, for its waits. Like a `Collector` it throws when it breaks, and its
 * `close` is safe without `open`, and twice.
 */
export interface BlockingSource {
  open(nowMs: number): OpenResult;
  collect(atMs: number, nowMs: number): readonly Observation[];
  close(): void;
}
