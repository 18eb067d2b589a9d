/** What a kernel is about: hashing, matrix products, memory, or one kind of arithmetic alone. */
export const KERNEL_FAMILIES = ["hash", "matmul", "memory", "alu"] as const;
export type KernelFamily = (typeof KERNEL_FAMILIES)[number];

/** Operations a second: hashes, floating-point or integer operations, bytes, dependent loads. */
export const RATE_UNITS = ["hash/s", "FLOP/s", "op/s", "B/s", "hop/s"] as const;
export type RateUnit = (typeof RATE_UNITS)[number];

/**
 * What a device has a limited amount of a second. Each is measured by a kernel that uses it alone:
 * 32-bit integer operations; f32, f16 and tensor-core floating-point operations; 8-bit products and
 * additions; bytes of device memory in sequence and in scattered 128-byte pieces; bytes of shared
 * memory.
 */
export const RESOURCES = [
  "int32-op",
  "f32-flop",
  "f16-flop",
  "tensor-flop",
  "int8-op",
  "memory-byte",
  "gather-byte",
  "shared-byte",
] as const;
export type Resource = (typeof RESOURCES)[number];

/** How much of each resource one unit of a kernel's work takes. */
export type Cost = Readonly<Partial<Record<Resource, number>>>;

/** How the GPU that was measured is known to be the one that the collectors watch. */
export const DEVICE_MATCHES = [
  /** The device process appeared there, and memory that it took on purpose did too. */
  "pid-and-memory",
  /** Its pid cannot be seen here, but memory that it took and gave back on purpose was. */
  "memory-seen",
  "software",
  /** Of records made before both were asked for. */
  "pid-seen",
  "only-gpu",
  "name",
] as const;
export type MatchEvidence = (typeof DEVICE_MATCHES)[number];

/** What a reference kernel reached on one device, and what the collectors saw meanwhile. */
export interface Calibration {
  gpuUuid: string;
  /** As the WebGPU adapter names itself. */
  adapter: string;
  deviceMatch: MatchEvidence;
  kernel: string;
  /** This and what follows up to `powerLimitWatts` are absent in records of earlier versions. */
  family?: KernelFamily | undefined;
  /** Of one unit of the rate. */
  cost?: Cost | undefined;
  /** The resource whose ceiling this rate is. */
  measures?: Resource | undefined;
  /** What bound it, and the share of that ceiling it reached, by the ceilings known then. */
  ceiling?: { resource: Resource; fraction: number } | undefined;
  /** Tile shape and workgroup size that the search chose, by the names in the shader. */
  variant?: Readonly<Record<string, number>> | undefined;
  /** Of the whole board while the kernel ran, its idle power included. */
  joulesPerUnit?: number | undefined;
  /** Everything that this kernel's calibration took of the device: verification, search, runs. */
  gpuSeconds?: number | undefined;
  energyJoules?: number | undefined;
  /** What a later calibration may differ in for a reason. */
  driverVersion?: string | undefined;
  powerLimitWatts?: number | undefined;
  atMs: number;
  durationSeconds: number;
  ratePerSecond: number;
  unit: RateUnit;
  /** Interquartile range of the launches' rates over their median; absent below four launches. */
  rateSpread?: number | undefined;
  /** Device timestamps, or the host's clock around a launch, which adds the submission to it. */
  timing?: "timestamp" | "wall" | undefined;
  /** True on a CPU that plays GPU: never a GPU's reference. */
  software: boolean;
  /** Mean readings while the kernel ran; what was not measured is absent. */
  telemetry: Readonly<Record<string, number>>;
  /** Mean readings just before, with nothing running. */
  baseline: Readonly<Record<string, number>>;
}
