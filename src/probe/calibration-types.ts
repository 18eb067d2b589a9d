import type { Calibration } from "../model/calibration.ts";
import type { AssayError } from "../model/errors.ts";
import type { ProbeDevice } from "./device.ts";
import type { DeviceMatch } from "./device-match.ts";
import type { Kernel, Random } from "./kernels/kernel.ts";
import type { MeasureStage } from "./measure.ts";
import type { TelemetrySource } from "./telemetry.ts";
import type { Tuning } from "./tuning.ts";

export interface CalibrationClock {
  /** Unix milliseconds: when a calibration was made. */
  nowMs(): number;
  /** Seconds that only go forward: how long it took. */
  monotonicSeconds(): number;
}

export type CalibrationProgress =
  | { stage: "waiting" | "note"; text: string }
  | { stage: "open" | "baseline" }
  | { stage: MeasureStage; kernel: string }
  | { stage: "done"; kernel: string; calibration: Calibration }
  | { stage: "lacking"; kernel: string; reason: string }
  | { stage: "failed"; kernel: string; error: AssayError };

export interface OpenOptions {
  robustness: boolean;
  /** To be told of every process that is started, before anything is done on a GPU. */
  started: (pid: number) => void;
  signal: AbortSignal;
}

/** A device, and the GPU that it was confirmed to be; see `matchDevice`. */
export interface OpenedDevice {
  device: ProbeDevice;
  match: DeviceMatch;
}

export interface CalibrateOptions {
  /** Called twice: for the device that is verified on, and for the one that is measured. */
  open: (options: OpenOptions) => Promise<OpenedDevice>;
  kernels: readonly Kernel[];
  /** Of measured running, per round of a kernel. */
  seconds: number;
  maxRounds?: number | undefined;
  targetSpread?: number | undefined;
  telemetry: TelemetrySource;
  clock: CalibrationClock;
  sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;
  random: Random;
  /** Only this GPU will do. */
  gpuUuid?: string | undefined;
  /** How long to wait for a GPU that is in use; 0 refuses at once. */
  waitSeconds?: number | undefined;
  tuning?: Tuning | undefined;
  /** WGSL by file name; by default from the package's `shaders/`. */
  shader?: ((name: string) => Promise<string>) | undefined;
  /** Somebody asks to stop: whole kernels are kept. */
  signal?: AbortSignal | undefined;
  /** A process of ours that will be on a GPU, before it is. */
  onStarted?: ((pid: number) => void) | undefined;
  /** The GPU is known, and no kernel has run on it. */
  onMatched?: ((match: DeviceMatch) => Promise<void>) | undefined;
  onProgress?: ((progress: CalibrationProgress) => void) | undefined;
  /** How long a GPU is left alone so that clocks and power fall back to idle. */
  settleSeconds?: number | undefined;
  baselineSeconds?: number | undefined;
  intervalSeconds?: number | undefined;
}

export interface CalibrationRun {
  match: DeviceMatch;
  /** Of the kernels that were measured whole. */
  calibrations: Calibration[];
  lacking: { kernel: string; reason: string }[];
  failed: { kernel: string; error: AssayError }[];
  /** Why it ended before the last kernel: somebody else came, or asked, or the device died. */
  stopped: AssayError | undefined;
  /** Whether it could be seen if somebody else wanted the GPU; a software adapter is no GPU. */
  watched: "processes" | "nothing" | "software";
  /** What it took of the device, kernels that failed included. */
  gpuSeconds: number;
  /** Of the whole board from the first look to the last, idle included; undefined if unmeasured. */
  energyJoules: number | undefined;
  /** From the opening of the device to its closing. */
  wallSeconds: number;
}
