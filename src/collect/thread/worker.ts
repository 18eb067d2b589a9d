import { parentPort, workerData } from "node:worker_threads";
import { errorToWire } from "../../model/error-wire.ts";
import type { Observation } from "../../model/observation.ts";
import type { BlockingSource } from "../blocking.ts";
import { NvmlReader } from "../nvml/reader.ts";
import { createProcessReader, type ProcessReader } from "../processes/reader.ts";
import type {
  Notice,
  SourceSpec,
  ThreadMessage,
  ThreadOptions,
  ThreadRequest,
  ThreadResult,
} from "./protocol.ts";

/**
 * Entry of the thread of one blocking source. What `/proc` knows of the processes it names is added
 * here too, so that neither a slow driver nor a host with many processes holds up the main loop.
 */
function serve(): void {
  if (!parentPort) throw new Error("a reading thread must be started as a worker thread");
  const port = parentPort;
  // Only `ThreadedCollector` starts this, with options of that type.
  const { procRoot, pids, source } = workerData as ThreadOptions;
  const parts: Parts = {
    source: sourceOf(source),
    processes: createProcessReader({ procRoot, pids }, { monotonicMs: () => parts.nowMs }),
    nowMs: 0,
    hasTold: false,
  };
  port.on("message", (request: ThreadRequest) => {
    if (request.call !== "close") parts.nowMs = request.nowMs;
    port.postMessage(answer(request, parts));
    if (request.call === "close") port.close();
  });
}

interface Parts {
  source: BlockingSource;
  processes: ProcessReader;
  nowMs: number;
  /** That pids cannot be resolved is said once. */
  hasTold: boolean;
}

function sourceOf(source: SourceSpec): BlockingSource {
  switch (source.kind) {
    case "nvml":
      return new NvmlReader(source);
  }
}

function answer(request: ThreadRequest, parts: Parts): ThreadMessage {
  const { id } = request;
  try {
    const value = perform(request, parts);
    return { id, ok: true, value, notice: noticeOf(parts) };
  } catch (error) {
    return { id, ok: false, error: errorToWire(error) };
  }
}

function perform(request: ThreadRequest, { source, processes }: Parts): ThreadResult {
  switch (request.call) {
    case "open":
      return source.open(request.nowMs);
    case "collect":
      return source.collect(request.atMs, request.nowMs).map((seen) => named(seen, processes));
    case "close":
      source.close();
      return undefined;
  }
}

function named(observation: Observation, processes: ProcessReader): Observation {
  return observation.kind === "processes" ? processes.enrich(observation) : observation;
}

function noticeOf(parts: Parts): Notice | undefined {
  const { processes, hasTold } = parts;
  if (hasTold || processes.seesHost || processes.unresolved === 0) return undefined;
  parts.hasTold = true;
  return {
    text: "processes on the GPUs are not among those seen here: their owners stay unknown",
    hint: "share the host's PID namespace (hostPID: true), or mount its /proc and name it in collect.procRoot",
  };
}

serve();
