import type { GpuInfo } from "../model/sample.ts";
import type { AdapterDescription } from "./protocol.ts";

const VENDORS = {
  nvidia: /nvidia|tesla|geforce|quadro|^gpu-|^mig-/i,
  amd: /\bamd\b|radeon|instinct/i,
  intel: /intel/i,
};

export type Vendor = keyof typeof VENDORS;

/** False where both name a vendor and not the same one: an integrated GPU beside the real one. */
export function vendorsAgree(adapter: AdapterDescription, gpu: GpuInfo): boolean {
  const ofAdapter = vendorOf([adapter.vendor, adapter.description, adapter.device]);
  const ofGpu = vendorOfGpu(gpu);
  return ofAdapter === undefined || ofGpu === undefined || ofAdapter === ofGpu;
}

/** By its model's name, or the form of its UUID; undefined where neither tells. */
export function vendorOfGpu(gpu: Pick<GpuInfo, "model" | "uuid">): Vendor | undefined {
  return vendorOf([gpu.model, gpu.uuid]);
}

function vendorOf(names: readonly string[]): Vendor | undefined {
  if (names.some((name) => VENDORS.nvidia.test(name))) return "nvidia";
  if (names.some((name) => VENDORS.amd.test(name))) return "amd";
  return names.some((name) => VENDORS.intel.test(name)) ? "intel" : undefined;
}
