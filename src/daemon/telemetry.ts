import type { Collector } from "../collect/contract.ts";
import type { Observation } from "../model/observation.ts";
import { GPU_QUANTITIES, type GpuInfo, type GpuReadings } from "../model/sample.ts";
import type { TelemetrySource } from "../probe/telemetry.ts";

/**
 * What the collectors see of the GPUs while a calibration runs: each call is a reading of its own.
 * Without an open collector there are no GPUs, and calibration says what follows from that.
 * @param ownPids whether the driver's pids are known to be those of this process's own namespace
 */
export async function openTelemetry(
  collector: Collector,
  nowMs: () => number,
  ownPids = false,
): Promise<{ telemetry: TelemetrySource; close: () => Promise<void> }> {
  const opened = await collector.open();
  const close = async (): Promise<void> => collector.close();
  if (opened.status === "absent")
    return { telemetry: { gpus: [], read: async () => undefined }, close };
  const look = async (): Promise<readonly Observation[]> => collector.collect(nowMs());
  const first = await look();
  const node = first.find((each) => each.kind === "node");
  const gpus = node?.gpus ?? [];
  const indexOf = (uuid: string): number | undefined =>
    gpus.find((gpu) => gpu.uuid === uuid)?.index;
  const telemetry: TelemetrySource = {
    gpus,
    intervalMs: node?.intervalMs,
    read: async (uuid) => readingsOf(await look(), indexOf(uuid)),
    pids: async (uuid) => (ownPids ? pidsOf(await look(), indexOf(uuid)) : undefined),
  };
  return { telemetry, close };
}

function readingsOf(
  seen: readonly Observation[],
  index: GpuInfo["index"] | undefined,
): GpuReadings | undefined {
  const sample = seen.find((each) => each.kind === "gpu" && each.gpu === index);
  if (sample?.kind !== "gpu") return undefined;
  const readings: GpuReadings = {};
  for (const quantity of GPU_QUANTITIES) readings[quantity] = sample[quantity];
  return readings;
}

/** Undefined where the source told no list: an empty one says that nobody is there. */
function pidsOf(seen: readonly Observation[], index: number | undefined): number[] | undefined {
  const sample = seen.find((each) => each.kind === "processes" && each.gpu === index);
  if (sample?.kind !== "processes") return undefined;
  return sample.list.filter(({ exited }) => !exited).map(({ pid }) => pid);
}
