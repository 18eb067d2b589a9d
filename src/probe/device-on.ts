import { AssayError } from "../model/errors.ts";
import type { GpuInfo } from "../model/sample.ts";
import { type Binding, bindingFor, type BindingFacts } from "./binding.ts";
import type { ProbeDevice } from "./device.ts";
import { type DeviceMatch, matchDevice, type MatchOptions } from "./device-match.ts";
import { readGpuNodes, type SystemRoots } from "./device-nodes.ts";
import type { DeviceOptions } from "./device-process.ts";
import { gpuText } from "./memory-levels.ts";
import { noMatch } from "./no-match.ts";
import { namespaceAbility } from "./private-devices.ts";
import type { OpenRequest } from "./supervisor.ts";
import type { TelemetrySource } from "./telemetry.ts";

export interface DeviceOnOptions {
  /** Opens whatever a process that is started so finds: `openDevice`, with its other options. */
  open(
    bound: Pick<DeviceOptions, "environment" | "wrapper" | "started" | "signal">,
  ): Promise<ProbeDevice>;
  telemetry: TelemetrySource;
  facts: BindingFacts;
  /** Told of every process that is started on the way; those that are no good are ended again. */
  started?: ((pid: number) => void) | undefined;
  match?: Partial<MatchOptions> | undefined;
  /** Gives up: the process ends and `probe/crashed` says so. */
  signal?: AbortSignal | undefined;
}

export interface ConfirmedDevice {
  device: ProbeDevice;
  match: DeviceMatch;
  binding: Binding;
}

/**
 * A device that is confirmed to be on this GPU; whoever asked closes it.
 * @throws AssayError `probe/no-match` where another was opened or it cannot be told, and what `open`
 * throws; then no process is left
 */
export async function openDeviceOn(
  gpu: GpuInfo,
  options: DeviceOnOptions,
): Promise<ConfirmedDevice> {
  const binding = bindingFor(gpu, options.facts);
  const device = await openBound(binding, options);
  try {
    const { telemetry, signal } = options;
    const match = await matchDevice(device, telemetry, { ...options.match, signal });
    if (match.gpuUuid === gpu.uuid) return { device, match, binding };
    const opened = options.telemetry.gpus.find(({ uuid }) => uuid === match.gpuUuid);
    const instead = opened ? gpuText(opened) : "a CPU that plays GPU";
    throw noMatch(
      `${gpuText(gpu)} cannot be reached: the device process opened ${instead} (${binding.reason})`,
      "nothing was measured on it; let the daemon make mount namespaces (run as root, or allow unprivileged user namespaces), or give it a container of its own with that GPU alone",
    );
  } catch (error) {
    await device.close();
    if (options.signal?.aborted && !(error instanceof AssayError))
      throw new AssayError("probe/crashed", "the device process was told to end", { cause: error });
    throw error;
  }
}

/** For `SupervisorOptions.open`. */
export function openerOn(
  options: Omit<DeviceOnOptions, "started" | "signal">,
): (request: OpenRequest) => Promise<ProbeDevice> {
  return async ({ gpuUuid, started, signal }) => {
    const gpu = options.telemetry.gpus.find(({ uuid }) => uuid === gpuUuid);
    if (!gpu) throw noMatch("no collector knows the GPU");
    return (await openDeviceOn(gpu, { ...options, started, signal })).device;
  };
}

/** What of this machine decides how a device process is bound. Never throws. */
export async function readBindingFacts(
  isRoot: boolean,
  roots: SystemRoots = {},
): Promise<BindingFacts> {
  const { deviceFolder } = roots;
  const nodes = await readGpuNodes(roots);
  // With one GPU there is nothing to bind, and so nothing to try.
  const ability = nodes.length > 1 ? await namespaceAbility(isRoot, deviceFolder) : {};
  return { nodes, ability, deviceFolder };
}

/** What a driver may not stand is left out step by step; what was opened is looked at anyway. */
async function openBound(binding: Binding, options: DeviceOnOptions): Promise<ProbeDevice> {
  const { environment, wrapper } = binding;
  const { open, started, signal } = options;
  const steps = [{ environment, wrapper }];
  if (wrapper.length > 0) steps.push({ environment, wrapper: [] });
  if (Object.keys(environment).length > 0) steps.push({ environment: {}, wrapper: [] });
  let last: unknown;
  for (const step of steps) {
    try {
      return await open({ ...step, started, signal });
    } catch (error) {
      last = error;
      if (signal?.aborted || !isOfThisWay(error)) break;
    }
  }
  throw last;
}

/** What another way to start the process may mend. */
function isOfThisWay(error: unknown): boolean {
  if (!(error instanceof AssayError)) return false;
  return error.code === "probe/unavailable" || error.code === "probe/crashed";
}
