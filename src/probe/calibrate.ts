import type { Calibration } from "../model/calibration.ts";
import { AssayError } from "../model/errors.ts";
import type { ProbeDevice } from "./device.ts";
import { adapterName } from "./device-process.ts";
import { type DeviceMatch, matchDevice, type MatchOptions } from "./device-match.ts";
import type { Kernel, Random, Workload } from "./kernels/kernel.ts";
import { type Build, buildOf } from "./kernels/variant.ts";
import { findPace, launchFor, summarize } from "./launches.ts";
import { readShader } from "./shaders.ts";
import { meanReadings, sampleDuring, type Sampling, type TelemetrySource } from "./telemetry.ts";

export interface CalibrationClock {
  /** Unix milliseconds: when a calibration was made. */
  nowMs(): number;
  /** Seconds that only go forward: how long it took. */
  monotonicSeconds(): number;
}

export interface CalibrationProgress {
  kernel: string;
  stage: "verify" | "baseline" | "run" | "done";
  /** Only when done. */
  calibration?: Calibration;
}

export interface CalibrateOptions {
  openDevice: () => Promise<ProbeDevice>;
  kernels: readonly Kernel[];
  /** Of measured running, per kernel. */
  seconds: number;
  telemetry: TelemetrySource;
  clock: CalibrationClock;
  sleep: (seconds: number) => Promise<void>;
  random: Random;
  /** How the device is told among the node's GPUs. */
  match?: Partial<MatchOptions> | undefined;
  onProgress?: ((progress: CalibrationProgress) => void) | undefined;
  /** WGSL by file name; by default from the package's `shaders/`. */
  shader?: ((name: string) => Promise<string>) | undefined;
  /** How long a GPU is left alone so that clocks and power fall back to idle. */
  settleSeconds?: number | undefined;
  baselineSeconds?: number | undefined;
  intervalSeconds?: number | undefined;
}

const SETTLE_SECONDS = 5;
const BASELINE_SECONDS = 3;
const INTERVAL_SECONDS = 0.5;
/** Driver utilisation speaks of about the last second: skipped, but never most of a short run. */
const LEAD_SECONDS = 1;
const LEAD_SHARE = 0.25;

/**
 * Runs each kernel for `seconds` and keeps its rate and what the collectors saw meanwhile.
 * Every kernel is verified before any is measured, and its result again after the run.
 * On a software adapter no telemetry is read: no GPU of the node does that work.
 * @throws AssayError `probe/wrong-result`, `probe/no-match`, `probe/refused`, `probe/crashed`, and
 * what `openDevice` throws; then nothing is kept.
 */
export async function calibrate(options: CalibrateOptions): Promise<Calibration[]> {
  const device = await options.openDevice();
  try {
    const match = await matchDevice(device, options.telemetry, options.match);
    const builds = await verifyAll(device, options);
    const calibrations: Calibration[] = [];
    for (const [kernel, build] of builds) {
      const calibration = await calibrateKernel(device, match, kernel, build, options);
      options.onProgress?.({ kernel: kernel.name, stage: "done", calibration });
      calibrations.push(calibration);
    }
    return calibrations;
  } finally {
    await device.close();
  }
}

async function verifyAll(
  device: ProbeDevice,
  options: CalibrateOptions,
): Promise<ReadonlyMap<Kernel, Build>> {
  const builds = new Map<Kernel, Build>();
  for (const kernel of options.kernels) {
    options.onProgress?.({ kernel: kernel.name, stage: "verify" });
    const code = await (options.shader ?? readShader)(kernel.shader);
    const [variant] = kernel.variants(device.adapter);
    const build = buildOf(code, variant);
    await kernel.verify(device, build, options.random);
    builds.set(kernel, build);
  }
  return builds;
}

async function calibrateKernel(
  device: ProbeDevice,
  match: DeviceMatch,
  kernel: Kernel,
  build: Build,
  options: CalibrateOptions,
): Promise<Calibration> {
  const { clock, sleep, random, onProgress } = options;
  const { software } = device.adapter;
  const { adapter } = device;
  const scale = software ? "software" : "gpu";
  const workload = kernel.workload({ build, scale, adapter, random });
  const handle = await device.prepare(workload.job);
  const sampling = {
    read: async () => (software ? undefined : options.telemetry.read(match.gpuUuid)),
    sleep,
    intervalSeconds: options.intervalSeconds ?? INTERVAL_SECONDS,
  };

  onProgress?.({ kernel: kernel.name, stage: "baseline" });
  const baseline = software ? {} : await measureBaseline(sampling, options);

  onProgress?.({ kernel: kernel.name, stage: "run" });
  const pace = await findPace(device, handle);
  const atMs = clock.nowMs();
  const lead = Math.min(LEAD_SECONDS, options.seconds * LEAD_SHARE);
  const { result, readings } = await sampleDuring(
    sampling,
    software ? 0 : lead,
    launchFor(device, handle, pace, options.seconds, () => clock.monotonicSeconds()),
  );
  await checkResult(device, handle, workload);

  const summary = summarize(result.launches, workload.workPerDispatch);
  if (!summary) throw new AssayError("probe/refused", `${kernel.name}: no launch could be timed`);
  return {
    ...match,
    adapter: adapterName(device.adapter),
    kernel: kernel.name,
    atMs,
    durationSeconds: result.seconds,
    unit: kernel.unit,
    software,
    telemetry: meanReadings(readings),
    baseline,
    ...summary,
  };
}

async function measureBaseline(
  sampling: Sampling,
  options: CalibrateOptions,
): Promise<Record<string, number>> {
  await sampling.sleep(options.settleSeconds ?? SETTLE_SECONDS);
  const wait = sampling.sleep(options.baselineSeconds ?? BASELINE_SECONDS);
  const { readings } = await sampleDuring(sampling, 0, wait);
  return meanReadings(readings);
}

async function checkResult(device: ProbeDevice, handle: number, workload: Workload): Promise<void> {
  await workload.check((binding, range) => device.read(handle, binding, range));
  await device.release(handle);
}
