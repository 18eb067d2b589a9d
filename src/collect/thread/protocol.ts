import type { WireError } from "../../model/error-wire.ts";
import type { Observation } from "../../model/observation.ts";
import type { OpenResult } from "../contract.ts";
import type { DrmSettings } from "../drm/collector.ts";
import type { HolderHint } from "../host/board.ts";
import type { HostSettings } from "../host/source.ts";
import type { NvmlSettings } from "../nvml/reader.ts";

/**
 * What a reading thread is started with. It is made and read by this room alone, and checked by types:
 * a schema library would cost every thread some ten megabytes.
 */
export interface ThreadOptions {
  /** Where the processes are that the source names by pid. */
  procRoot: string;
  pids?: "auto" | "trusted" | undefined;
  source: SourceSpec;
}

/** Which source the thread reads, with its settings. */
export type SourceSpec =
  | ({ kind: "nvml" } & NvmlSettings)
  | ({ kind: "drm" } & DrmSettings)
  | ({ kind: "host" } & HostSettings);

/** Something a person should know and could mend, though the source works. */
export interface Notice {
  text: string;
  hint: string;
}

/** `nowMs` is the caller's monotonic clock: a source keeps none of its own. */
export type ThreadRequest =
  | { id: number; call: "open"; nowMs: number }
  | { id: number; call: "collect"; atMs: number; nowMs: number; hints?: readonly HolderHint[] }
  | { id: number; call: "close" };

export type ThreadResult = OpenResult | readonly Observation[] | undefined;

export type ThreadMessage =
  | {
      id: number;
      ok: true;
      value: ThreadResult;
      notice?: Notice | undefined;
      /** What the source says of itself now. */
      detail?: string | undefined;
    }
  | { id: number; ok: false; error: WireError };
