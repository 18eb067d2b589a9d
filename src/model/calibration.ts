/** What a reference kernel reached on one device, and what the collectors saw meanwhile. */
export interface Calibration {
  gpuUuid: string;
  /** As the WebGPU adapter names itself: the link to `gpuUuid` may be a guess, see `deviceMatch`. */
  adapter: string;
  deviceMatch: "pid-seen" | "only-gpu" | "name" | "software";
  kernel: string;
  atMs: number;
  durationSeconds: number;
  /** Operations a second: hashes for the hash family, floating-point operations for matmul. */
  ratePerSecond: number;
  unit: "hash/s" | "FLOP/s";
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
