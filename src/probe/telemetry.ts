import {
  GPU_QUANTITIES,
  type GpuInfo,
  type GpuQuantity,
  type GpuReadings,
  type ProcessSighting,
} from "../model/sample.ts";

/** What a GPU reads at one moment, and who is on it; each undefined where it cannot be told. */
export interface GpuLook {
  readings: GpuReadings | undefined;
  processes: readonly ProcessSighting[] | undefined;
}

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
  /**
   * Both of one reading; the processes by the driver's numbers, whosever they are. Where it is
   * absent, processes cannot be watched.
   */
  look?(gpuUuid: string): Promise<GpuLook>;
}

/** @returns what can be told of the GPU now; never throws: a collector that breaks tells nothing */
export async function lookAt(telemetry: TelemetrySource, gpuUuid: string): Promise<GpuLook> {
  const nothing: GpuLook = { readings: undefined, processes: undefined };
  try {
    if (telemetry.look) return await telemetry.look(gpuUuid);
    return { ...nothing, readings: await telemetry.read(gpuUuid) };
  } catch {
    return nothing;
  }
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
