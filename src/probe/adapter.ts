import type { AdapterDescription } from "./protocol.ts";

/** Names by which Vulkan and Direct3D implementations on a CPU go. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|\bwarp\b/i;

/** Limits that a reference kernel may need; the rest is not worth telling. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** What the parent is told about an adapter. Strings are the driver's own, bounded. */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const names = [vendor, architecture, device, description].map((name) => name.slice(0, 256));
  const [shortVendor = "", shortArchitecture = "", shortDevice = "", shortDescription = ""] = names;
  return {
    vendor: shortVendor,
    architecture: shortArchitecture,
    device: shortDevice,
    description: shortDescription,
    isFallbackAdapter: isFallbackAdapter === true,
    software: isFallbackAdapter === true || names.some((name) => SOFTWARE.test(name)),
    timestamps: adapter.features.has("timestamp-query"),
    features: [...adapter.features].slice(0, 256).sort(),
    limits: requestedLimits(adapter),
  };
}

/** The adapter's own limits: without asking, a device has the defaults of the specification. */
export function requestedLimits(adapter: GPUAdapter): Record<string, number> {
  return Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
}
