import type { Observation } from "../model/observation.ts";
import {
  GPU_QUANTITIES,
  type GpuInfo,
  type GpuReadings,
  type GpuSample,
  type ProcessSample,
} from "../model/sample.ts";
import type { TelemetrySource } from "../probe/telemetry.ts";

/** What the stream told of the devices last: nobody is asked again for it. */
export class StreamTelemetry implements TelemetrySource {
  gpus: readonly GpuInfo[] = [];
  intervalMs: number | undefined;
  private readonly isOwnNamespace: boolean;
  private readonly samples = new Map<number, GpuSample>();
  private readonly lists = new Map<number, ProcessSample>();

  /** @param isOwnNamespace whether the lists' pids are those of this process's own namespace */
  constructor(isOwnNamespace: boolean) {
    this.isOwnNamespace = isOwnNamespace;
  }

  observe(observation: Observation): void {
    if (observation.kind === "gpu") this.samples.set(observation.gpu, observation);
    if (observation.kind === "processes") this.lists.set(observation.gpu, observation);
    if (observation.kind !== "node") return;
    this.gpus = observation.gpus;
    this.intervalMs = observation.intervalMs;
    const indices = new Set(observation.gpus.map(({ index }) => index));
    for (const known of [this.samples, this.lists])
      for (const index of known.keys()) if (!indices.has(index)) known.delete(index);
  }

  async read(gpuUuid: string): Promise<GpuReadings | undefined> {
    const sample = this.samples.get(this.indexOf(gpuUuid));
    if (!sample) return undefined;
    const readings: GpuReadings = {};
    for (const quantity of GPU_QUANTITIES) readings[quantity] = sample[quantity];
    return readings;
  }

  async pids(gpuUuid: string): Promise<readonly number[] | undefined> {
    if (!this.isOwnNamespace) return undefined;
    return this.lists.get(this.indexOf(gpuUuid))?.list.map(({ pid }) => pid);
  }

  private indexOf(gpuUuid: string): number {
    return this.gpus.find(({ uuid }) => uuid === gpuUuid)?.index ?? -1;
  }
}
