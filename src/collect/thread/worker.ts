import { parentPort, workerData } from "node:worker_threads";
import { errorToWire } from "../../model/error-wire.ts";
import type { BlockingSource } from "../blocking.ts";
import type { Collector } from "../contract.ts";
import { LostNamespaceError } from "../host/sockets/lost.ts";
import { nameProcesses } from "../processes/naming.ts";
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
  const serveOne = async (request: ThreadRequest): Promise<void> => {
    if (request.call !== "close") parts.nowMs = request.nowMs;
    port.postMessage(await answer(request, parts));
    if (request.call === "close") port.close();
  };
  port.on("message", (request: ThreadRequest) => void serveOne(request));
}

interface Parts {
  source: Promise<BlockingSource | Collector>;
  processes: ProcessReader;
  nowMs: number;
  /** That pids cannot be resolved is said once. */
  hasTold: boolean;
}

async function sourceOf(source: SourceSpec): Promise<BlockingSource | Collector> {
  switch (source.kind) {
    case "nvml": {
      const { NvmlReader } = await import("../nvml/reader.ts");
      return new NvmlReader(source);
    }
    case "drm": {
      const { createDrmCollector } = await import("../drm/collector.ts");
      return createDrmCollector(source, { monotonicMs: () => performance.now() });
    }
    case "host": {
      const { HostSource } = await import("../host/source.ts");
      return new HostSource(source);
    }
  }
}

async function answer(request: ThreadRequest, parts: Parts): Promise<ThreadMessage> {
  const { id } = request;
  try {
    const value = await perform(request, parts);
    const { detail } = await parts.source;
    return { id, ok: true, value, notice: noticeOf(parts), detail };
  } catch (error) {
    // Not to be caught: whatever this thread did from here on, it would do in the wrong place.
    if (error instanceof LostNamespaceError) throw error;
    return { id, ok: false, error: errorToWire(error) };
  }
}

async function perform(request: ThreadRequest, parts: Parts): Promise<ThreadResult> {
  const { processes } = parts;
  const source = await parts.source;
  switch (request.call) {
    case "open":
      return source.open(request.nowMs);
    case "collect":
      return nameProcesses(
        await source.collect(request.atMs, request.nowMs, request.hints),
        processes,
      );
    case "close":
      await source.close();
      return undefined;
  }
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
