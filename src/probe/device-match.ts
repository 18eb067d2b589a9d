import { setTimeout as delay } from "node:timers/promises";
import type { Calibration } from "../model/calibration.ts";
import type { GpuInfo } from "../model/sample.ts";
import { vendorsAgree } from "./adapter-vendor.ts";
import { DeliberateMemory, FILL_SHADER } from "./deliberate-memory.ts";
import type { ProbeDevice } from "./device.ts";
import { adapterName } from "./device-process.ts";
import { gpuOfMemory } from "./memory-follow.ts";
import { gpuText, type Patience } from "./memory-levels.ts";
import { noMatch, refusedIsNoMatch } from "./no-match.ts";
import type { AdapterDescription } from "./protocol.ts";
import { readShader } from "./shaders.ts";
import type { TelemetrySource } from "./telemetry.ts";

export type DeviceMatch = Pick<Calibration, "gpuUuid" | "deviceMatch">;

/** What the ledger knows the software adapter by: it is no GPU of the node. */
export const SOFTWARE_UUID = "software";

/** The larger of the two sizes that are taken. */
const LARGEST_BYTES = 320 * 1024 ** 2;
const LIMIT_SECONDS = 10;
/** Of the time between two readings, how often it may pass before a change shows. */
const LAG_FACTOR = 2.5;
const POLL_SECONDS = 0.25;

export interface MatchOptions extends Patience {
  /** The larger size; what is free and what the adapter takes in one buffer may make it smaller. */
  largestBytes: number;
  /** The text of `fill.wgsl`. */
  fillShader(): Promise<string>;
}

/**
 * Which GPU the device is. WebGPU tells neither UUID nor PCI address, so it is seen from outside:
 * memory that the device takes on purpose appears on one GPU alone and goes away again, twice, in
 * two sizes; and where processes can be seen, the device process is on that GPU too. What an
 * adapter calls itself, or that there is one GPU only, is no evidence.
 * @throws AssayError `probe/no-match` saying what was seen instead: a guess would poison the scale;
 * `probe/crashed`
 */
export async function matchDevice(
  device: Pick<ProbeDevice, "adapter" | "pid" | "prepare" | "launch" | "release">,
  telemetry: TelemetrySource,
  options: Partial<MatchOptions> = {},
): Promise<DeviceMatch> {
  const { adapter, pid } = device;
  if (adapter.software) return { gpuUuid: SOFTWARE_UUID, deviceMatch: "software" };
  const settings = withDefaults(options, telemetry);
  const name = adapterName(adapter);
  const candidates = telemetry.gpus.filter((gpu) => vendorsAgree(adapter, gpu));
  if (candidates.length === 0) throw noMatch(`no collector knows a GPU that ${name} could be`);

  const code = await settings.fillShader();
  const memory = await refusedIsNoMatch(() => DeliberateMemory.open(device, code));
  const largestBytes = Math.min(settings.largestBytes, largestBuffer(adapter));
  try {
    const found = await gpuOfMemory({ ...settings, memory, telemetry, candidates, largestBytes });
    if (!candidates.includes(found))
      throw noMatch(`${name} took memory of ${gpuText(found)}, which is of another vendor`);
    const deviceMatch = await processEvidence(pid, found, telemetry, settings);
    return { gpuUuid: found.uuid, deviceMatch };
  } finally {
    // What broke is told by what is thrown; the process is closed by whoever opened it.
    await memory.close().catch(() => undefined);
  }
}

function withDefaults(options: Partial<MatchOptions>, telemetry: TelemetrySource): MatchOptions {
  const intervals = [telemetry.intervalMs, ...telemetry.gpus.map(({ intervalMs }) => intervalMs)];
  const slowestMs = Math.max(...intervals.map((intervalMs) => intervalMs ?? 0));
  return {
    limitSeconds: Math.max(LIMIT_SECONDS, (LAG_FACTOR * slowestMs) / 1000),
    pollSeconds: POLL_SECONDS,
    monotonicSeconds: () => performance.now() / 1000,
    sleep: (seconds) => delay(seconds * 1000, undefined, { signal: options.signal }),
    largestBytes: LARGEST_BYTES,
    fillShader: () => readShader(FILL_SHADER),
    ...options,
  };
}

function largestBuffer({ limits }: AdapterDescription): number {
  const named = [limits["maxStorageBufferBindingSize"], limits["maxBufferSize"]];
  return Math.min(...named.map((limit) => limit ?? Number.POSITIVE_INFINITY));
}

/** Whether the process is where its memory is. */
async function processEvidence(
  pid: number,
  found: GpuInfo,
  telemetry: TelemetrySource,
  settings: MatchOptions,
): Promise<"pid-and-memory" | "memory-seen"> {
  const endSeconds = settings.monotonicSeconds() + settings.limitSeconds;
  for (;;) {
    const pids = await telemetry.pids?.(found.uuid);
    if (pids === undefined) return "memory-seen";
    if (pids.includes(pid)) return "pid-and-memory";
    if (settings.monotonicSeconds() >= endSeconds) break;
    await settings.sleep(settings.pollSeconds);
    settings.signal?.throwIfAborted();
  }
  const elsewhere: string[] = [];
  for (const gpu of telemetry.gpus)
    if (gpu !== found && (await telemetry.pids?.(gpu.uuid))?.includes(pid))
      elsewhere.push(gpuText(gpu));
  const seenOn = elsewhere.length > 0 ? elsewhere.join(" and ") : "no GPU";
  throw noMatch(
    `memory and process disagree: the memory that process ${pid} took appeared on ${gpuText(found)}, the process on ${seenOn}`,
  );
}
