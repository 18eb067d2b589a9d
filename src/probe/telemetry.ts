import {
  GPU_QUANTITIES,
  type GpuInfo,
  type GpuQuantity,
  type GpuReadings,
} from "../model/sample.ts";

/** What the collectors can tell calibration about the GPUs of this node. */
export interface TelemetrySource {
  readonly gpus: readonly GpuInfo[];
  /** Nominal time between two readings, where they are not made when asked for. */
  readonly intervalMs?: number | undefined;
  /** What the GPU reads now; undefined where nothing can be read. */
  read(gpuUuid: string): Promise<GpuReadings | undefined>;
  /**
   * Processes on the GPU now, by the numbers that this process's own namespace gives them. Absent
   * or undefined where that cannot be seen; an empty list says that nobody is there.
   */
  pids?(gpuUuid: string): Promise<readonly number[] | undefined>;
}

/** A counter and a bit mask: their mean over time means nothing. */
const NO_MEAN: ReadonlySet<GpuQuantity> = new Set(["energyJoules", "clockEventReasons"]);

/** Mean of each quantity over the readings that have it; a quantity that none has is absent. */
export function meanReadings(readings: readonly GpuReadings[]): Record<string, number> {
  const means: Record<string, number> = {};
  for (const quantity of GPU_QUANTITIES) {
    if (NO_MEAN.has(quantity)) continue;
    const values = readings.flatMap((reading) => reading[quantity] ?? []);
    if (values.length > 0) {
      means[quantity] = values.reduce((sum, value) => sum + value, 0) / values.length;
    }
  }
  return means;
}

export interface Sampling {
  read(): Promise<GpuReadings | undefined>;
  sleep(seconds: number): Promise<void>;
  intervalSeconds: number;
}

/** Reads at every interval, first after `leadSeconds`, until `work` has settled. */
export async function sampleDuring<T>(
  sampling: Sampling,
  leadSeconds: number,
  work: Promise<T>,
): Promise<{ result: T; readings: GpuReadings[] }> {
  const ended = new AbortController();
  const finished = work.finally(() => ended.abort());
  const sampler = async (): Promise<GpuReadings[]> => {
    const readings: GpuReadings[] = [];
    await sampling.sleep(leadSeconds);
    while (!ended.signal.aborted) {
      const reading = await sampling.read();
      // A reading that came back after the end may speak of the idle device already.
      if (ended.signal.aborted) break;
      if (reading) readings.push(reading);
      await sampling.sleep(sampling.intervalSeconds);
    }
    return readings;
  };
  const [result, readings] = await Promise.all([finished, sampler()]);
  return { result, readings };
}
