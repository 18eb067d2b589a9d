import type { Calibration } from "../model/calibration.ts";
import { AssayError } from "../model/errors.ts";
import type { GpuInfo } from "../model/sample.ts";
import type { ProbeDevice } from "./device.ts";
import { adapterName } from "./device-process.ts";
import type { AdapterDescription } from "./protocol.ts";
import type { TelemetrySource } from "./telemetry.ts";

export type DeviceMatch = Pick<Calibration, "gpuUuid" | "deviceMatch">;

/** What the ledger knows the software adapter by: it is no GPU of the node. */
export const SOFTWARE_UUID = "software";

/**
 * Which GPU the WebGPU adapter is. WebGPU tells neither UUID nor PCI address, so this is evidence,
 * best first: the device process was seen on one GPU; the node has one GPU that it can be; one
 * GPU alone has the adapter's name.
 * @throws AssayError `probe/no-match` where none of these holds: a guess would poison the scale.
 */
export async function matchDevice(
  device: Pick<ProbeDevice, "adapter" | "pid">,
  telemetry: TelemetrySource,
): Promise<DeviceMatch> {
  const { adapter, pid } = device;
  if (adapter.software) return { gpuUuid: SOFTWARE_UUID, deviceMatch: "software" };

  const candidates = telemetry.gpus.filter((gpu) => vendorsAgree(adapter, gpu));
  const seen = await gpusWithPid(candidates, telemetry, pid);
  const seenOn = only(seen);
  if (seenOn) return { gpuUuid: seenOn.uuid, deviceMatch: "pid-seen" };

  const single = only(telemetry.gpus);
  if (single && candidates.length === 1) return { gpuUuid: single.uuid, deviceMatch: "only-gpu" };

  const named = only(candidates.filter((gpu) => namesAgree(adapter, gpu)));
  if (named) return { gpuUuid: named.uuid, deviceMatch: "name" };

  throw new AssayError("probe/no-match", noMatchMessage(adapter, telemetry.gpus), {
    hint: "show the device process one GPU only (NVIDIA_VISIBLE_DEVICES, a device cgroup), or run where its pid can be seen on the GPU",
  });
}

async function gpusWithPid(
  gpus: readonly GpuInfo[],
  telemetry: TelemetrySource,
  pid: number,
): Promise<GpuInfo[]> {
  const found: GpuInfo[] = [];
  for (const gpu of gpus) {
    const pids = (await telemetry.pids?.(gpu.uuid)) ?? [];
    if (pids.includes(pid)) found.push(gpu);
  }
  return found;
}

const VENDORS = {
  nvidia: /nvidia|tesla|geforce|quadro|^gpu-/i,
  amd: /\bamd\b|radeon|instinct/i,
  intel: /intel/i,
};

/** False where both name a vendor and not the same one: an integrated GPU beside the real one. */
function vendorsAgree(adapter: AdapterDescription, gpu: GpuInfo): boolean {
  const ofAdapter = vendorOf([adapter.vendor, adapter.description, adapter.device]);
  const ofGpu = vendorOf([gpu.model, gpu.uuid]);
  return ofAdapter === undefined || ofGpu === undefined || ofAdapter === ofGpu;
}

function vendorOf(names: readonly string[]): string | undefined {
  return Object.entries(VENDORS).find(([, pattern]) =>
    names.some((name) => pattern.test(name)),
  )?.[0];
}

function namesAgree(adapter: AdapterDescription, gpu: GpuInfo): boolean {
  const model = bareName(gpu.model);
  return model !== "" && [adapter.device, adapter.description].some((n) => bareName(n) === model);
}

/** A model without vendor, case and punctuation: `NVIDIA GeForce RTX 4090` is `geforcertx4090`. */
function bareName(name: string): string {
  return name.toLowerCase().replace(/nvidia|\bamd\b|intel|\((?:r|tm)\)|[^a-z0-9]/g, "");
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}

function noMatchMessage(adapter: AdapterDescription, gpus: readonly GpuInfo[]): string {
  const name = adapterName(adapter);
  if (gpus.length === 0) return `no collector knows a GPU that ${name} could be`;
  return `${name} could be any or none of the ${gpus.length} GPUs of this node`;
}
