import { z } from "zod";
import { type AdapterDescription, MatrixConfig } from "./protocol.ts";

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
  "maxStorageBuffersPerShaderStage",
] as const;

/** Features that some kernel makes use of: asked for where the adapter has them. */
const USED_FEATURES = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "chromium-experimental-subgroup-matrix",
] as const;

/** Parts of the adapter's info that the WebGPU types of this version do not have everywhere. */
const ExtraInfo = z.object({
  subgroupMinSize: z.number().optional().catch(undefined),
  subgroupMaxSize: z.number().optional().catch(undefined),
  subgroupMatrixConfigs: z.array(z.unknown()).max(64).catch([]).default([]),
});

/** What the parent is told about an adapter. Strings are the driver's own, bounded. */
export function describeAdapter(
  adapter: GPUAdapter,
  languageFeatures: Iterable<string>,
): AdapterDescription {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const names = [vendor, architecture, device, description].map((name) => name.slice(0, 256));
  const [shortVendor = "", shortArchitecture = "", shortDevice = "", shortDescription = ""] = names;
  const extra = extraInfo(adapter.info);
  return {
    vendor: shortVendor,
    architecture: shortArchitecture,
    device: shortDevice,
    description: shortDescription,
    isFallbackAdapter: isFallbackAdapter === true,
    software: isFallbackAdapter === true || names.some((name) => SOFTWARE.test(name)),
    timestamps: adapter.features.has("timestamp-query"),
    features: [...adapter.features].slice(0, 256).sort(),
    languageFeatures: [...languageFeatures].slice(0, 256).sort(),
    ...extra,
    limits: requestedLimits(adapter),
  };
}

function extraInfo(info: object): Pick<AdapterDescription, "subgroupSizes" | "matrixConfigs"> {
  // The properties are getters of the prototype: reading them by name is all that works.
  const read = (name: string): unknown => Reflect.get(info, name);
  const { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs } = ExtraInfo.parse({
    subgroupMinSize: read("subgroupMinSize"),
    subgroupMaxSize: read("subgroupMaxSize"),
    subgroupMatrixConfigs: read("subgroupMatrixConfigs"),
  });
  const matrixConfigs = subgroupMatrixConfigs.flatMap((config) => {
    const parsed = MatrixConfig.safeParse(plain(config));
    return parsed.success ? [parsed.data] : [];
  });
  if (!subgroupMinSize || !subgroupMaxSize) return { matrixConfigs };
  return { subgroupSizes: [subgroupMinSize, subgroupMaxSize], matrixConfigs };
}

/** The library's own object, as one that a message can carry. */
function plain(config: unknown): unknown {
  if (typeof config !== "object" || config === null) return config;
  const [M, N, K] = ["M", "N", "K"].map((name): unknown => Reflect.get(config, name));
  const componentType: unknown = Reflect.get(config, "componentType");
  const resultComponentType: unknown = Reflect.get(config, "resultComponentType");
  return { componentType, resultComponentType, m: M, n: N, k: K };
}

/** Those of the features that kernels use which the adapter has. */
export function requestedFeatures(adapter: GPUAdapter): GPUFeatureName[] {
  // The library knows names that the types of the specification do not.
  const offered: ReadonlySet<string> = adapter.features;
  return USED_FEATURES.filter((name): name is GPUFeatureName & typeof name => offered.has(name));
}

/** The adapter's own limits: without asking, a device has the defaults of the specification. */
export function requestedLimits(adapter: GPUAdapter): Record<string, number> {
  return Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
}
