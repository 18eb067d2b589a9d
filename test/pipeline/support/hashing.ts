import { loadShippedData } from "../../../src/config/data.ts";
import type { NodeObservation } from "../../../src/model/observation.ts";
import type { GpuSample } from "../../../src/model/sample.ts";
import { Pipeline } from "../../../src/pipeline/pipeline.ts";

/** What a search does to a device in principle; no figure comes from a recording. */
export const HASHING: Partial<GpuSample> = {
  gpuUtil: 1,
  memUsedBytes: 1e9,
  pcieRxBytesPerSec: 0,
  smActive: 0.99,
  tensorActive: 0,
  dramActive: 0.005,
  intActive: 0.85,
  fp32Active: 0,
  fp64Active: 0,
};

/** The shipped model on a device of 700 W and 80 GB. */
export function pipelineOfOne(): Pipeline {
  return new Pipeline({
    ...loadShippedData(),
    agentPids: () => new Set(),
    agentVersion: "0",
    scaleOf: () => ({
      origin: "public-limits",
      idlePowerWatts: 80,
      fullPowerWatts: 700,
      memoryBytes: 80e9,
      pcieBytesPerSec: 60e9,
    }),
  });
}

export function nodeOfOne(intervalMs: number): NodeObservation {
  const gpus = [{ index: 0, uuid: "GPU-0", model: "m" }];
  return { kind: "node", node: "n", source: "s", simulated: true, intervalMs, gpus };
}
