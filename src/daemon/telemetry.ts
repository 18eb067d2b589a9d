import type { Collector } from "../collect/contract.ts";
import { DeviceDirectory } from "../collect/directory.ts";
import { CollectorHarness } from "../collect/harness.ts";
import type { Observation } from "../model/observation.ts";
import { GPU_QUANTITIES, type GpuReadings, type ProcessSighting } from "../model/sample.ts";
import type { GpuLook, TelemetrySource } from "../probe/telemetry.ts";

export interface TelemetryDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Waking every GPU of a node takes a driver seconds. */
const OPEN_WAIT_MS = 15_000;
/** Whoever has not answered by then says it at the next look. */
const LOOK_MS = 2000;

/**
 * What the collectors see of the GPUs while a calibration runs, by the same rules as in the daemon:
 * each look is a reading of its own. Without a device there are no GPUs, and calibration says what
 * follows from that.
 */
export async function openTelemetry(
  collectors: readonly Collector[],
  deps: TelemetryDeps,
): Promise<{ telemetry: TelemetrySource; close: () => Promise<void> }> {
  const { nowMs, monotonicMs, sleep } = deps;
  const harness = new CollectorHarness(collectors, { monotonicMs, sleep });
  const directory = new DeviceDirectory(collectors.map(({ name }) => name));
  const close = async (): Promise<void> => harness.close();
  const observe = async (): Promise<readonly Observation[]> => {
    const atMs = Math.round(nowMs());
    return directory.merge(await harness.tick(atMs, LOOK_MS), atMs);
  };
  const opened = new AbortController();
  await Promise.race([harness.open(), sleep(OPEN_WAIT_MS, opened.signal)]);
  opened.abort("in time");
  await observe();
  const look = async (uuid: string): Promise<GpuLook> => {
    const seen = await observe();
    const index = directory.gpus().find((gpu) => gpu.uuid === uuid)?.index;
    return { readings: readingsOf(seen, index), processes: processesOf(seen, index) };
  };
  const telemetry: TelemetrySource = {
    gpus: directory.gpus(),
    look,
    read: async (uuid) => (await look(uuid)).readings,
    pids: async (uuid) => ((await look(uuid)).processes ?? []).map(({ pid }) => pid),
  };
  return { telemetry, close };
}

/** The newest: what came too late for the look before is in this one as well. */
function readingsOf(
  seen: readonly Observation[],
  index: number | undefined,
): GpuReadings | undefined {
  const sample = seen.findLast((each) => each.kind === "gpu" && each.gpu === index);
  if (sample?.kind !== "gpu") return undefined;
  const readings: GpuReadings = {};
  for (const quantity of GPU_QUANTITIES) readings[quantity] = sample[quantity];
  return readings;
}

function processesOf(
  seen: readonly Observation[],
  index: number | undefined,
): readonly ProcessSighting[] | undefined {
  const list = seen.findLast((each) => each.kind === "processes" && each.gpu === index);
  return list?.kind === "processes" ? list.list : undefined;
}
