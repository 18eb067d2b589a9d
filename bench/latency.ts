/**
 * How long after the tick that ends a window its provisional label is there, and how long a single
 * observation may hold up the main thread. Ticks are fed one after the other without waiting, as
 * the live source would, so the code is warmer than in a daemon that sleeps between them.
 */
import { loadBuilt } from "./built.ts";
import { GPU_COUNT, simulatedNode, simulatedTicks } from "./simulated-node.ts";
import { quantile } from "./statistics.ts";

export interface LatencyResult {
  gpus: number;
  hz: number;
  seconds: number;
  /** Ticks that ended the windows of all GPUs. */
  closings: number;
  labels: number;
  /** Milliseconds from such a tick to the provisional labels of all GPUs. */
  closing: { p50: number; p99: number; max: number };
  /** The longest any single push took, the first, cold closing included. */
  worstPushMs: number;
}

const SECONDS = 3600;

export async function measureLatency(hz: number): Promise<LatencyResult> {
  const { recordingPipeline } = await loadBuilt();
  const pipeline = recordingPipeline();
  const closingMs: number[] = [];
  let [labels, worstPushMs] = [0, 0];
  const push = (observation: Parameters<typeof pipeline.push>[0]): void => {
    const fromMs = performance.now();
    const events = pipeline.push(observation);
    const tookMs = performance.now() - fromMs;
    worstPushMs = Math.max(worstPushMs, tookMs);
    const provisional = events.filter((event) => event.kind === "provisional").length;
    labels += provisional;
    if (provisional > 0) closingMs.push(tookMs);
  };
  push(simulatedNode(hz));
  for (const seen of simulatedTicks(hz, SECONDS)) {
    let atMs = 0;
    for (const observation of seen) {
      push(observation);
      if (observation.kind === "gpu") ({ atMs } = observation);
    }
    push({ kind: "tick", atMs });
  }
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(closingMs, share));
  return {
    gpus: GPU_COUNT,
    hz,
    seconds: SECONDS,
    closings: closingMs.length,
    labels,
    closing: { p50: p50 ?? 0, p99: p99 ?? 0, max: max ?? 0 },
    worstPushMs,
  };
}
