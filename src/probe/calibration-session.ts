import type { Calibration } from "../model/calibration.ts";
import { AssayError } from "../model/errors.ts";
import type { CalibrateOptions, CalibrationRun } from "./calibration-types.ts";
import { adapterName } from "./device-process.ts";
import type { DeviceMatch } from "./device-match.ts";
import { GpuWatch } from "./gpu-watch.ts";
import type { Kernel } from "./kernels/kernel.ts";
import { type MeasuredKernel, measureKernel } from "./measure.ts";
import type { MeasuringDevices } from "./measuring-devices.ts";
import { MeteredDevice } from "./metered-device.ts";
import { lookAt, meanReadings } from "./telemetry.ts";

const MAX_ROUNDS = 8;
const TARGET_SPREAD = 0.02;
const SETTLE_SECONDS = 5;
const BASELINE_SECONDS = 3;
const INTERVAL_SECONDS = 0.5;
/** Driver utilisation speaks of about the last second: skipped, but never most of a short run. */
const LEAD_SECONDS = 1;
const LEAD_SHARE = 0.25;

/** One calibration of one GPU, from the idle device to the last kernel. */
export class Session {
  readonly #match: DeviceMatch;
  readonly #options: CalibrateOptions;
  readonly #stop: AbortController;
  readonly #checked: MeteredDevice;
  readonly #unchecked: MeteredDevice;
  /** Undefined on a software adapter. */
  readonly #watch: GpuWatch | undefined;
  readonly #calibrations: Calibration[] = [];
  readonly #lacking: CalibrationRun["lacking"] = [];
  readonly #failed: CalibrationRun["failed"] = [];
  #baseline: Record<string, number> = {};

  constructor(
    devices: MeasuringDevices,
    match: DeviceMatch,
    options: CalibrateOptions,
    stop: AbortController,
  ) {
    this.#match = match;
    this.#options = options;
    this.#stop = stop;
    const meter = { now: () => options.clock.monotonicSeconds() };
    this.#checked = new MeteredDevice(devices.checked, meter);
    this.#unchecked = new MeteredDevice(devices.unchecked, meter);
    if (devices.unchecked.adapter.software) return;
    this.#watch = new GpuWatch({
      look: () => lookAt(options.telemetry, match.gpuUuid),
      ownPids: ownPidsOf(devices, match),
      now: meter.now,
      sleep: options.sleep,
      intervalSeconds: options.intervalSeconds ?? INTERVAL_SECONDS,
      onWanted: (why) => stop.abort(interruptedBy(why)),
    });
  }

  async run(startedAt: number): Promise<CalibrationRun> {
    let stopped: AssayError | undefined;
    await this.#watch?.start();
    try {
      await this.#measureBaseline();
      for (const kernel of this.#options.kernels) await this.#calibrateKernel(kernel);
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      stopped = error;
    } finally {
      await this.#watch?.stop();
    }
    const seesProcesses = this.#watch?.seesProcesses ? "processes" : "nothing";
    return {
      match: this.#match,
      calibrations: this.#calibrations,
      lacking: this.#lacking,
      failed: this.#failed,
      stopped,
      watched: this.#watch ? seesProcesses : "software",
      gpuSeconds: this.#checked.gpuSeconds + this.#unchecked.gpuSeconds,
      energyJoules: this.#watch?.joules,
      wallSeconds: this.#options.clock.monotonicSeconds() - startedAt,
    };
  }

  async #measureBaseline(): Promise<void> {
    const watch = this.#watch;
    if (!watch) return;
    const { settleSeconds, baselineSeconds, sleep, onProgress } = this.#options;
    const { signal } = this.#stop;
    onProgress?.({ stage: "baseline" });
    await sleep(settleSeconds ?? SETTLE_SECONDS, signal);
    await watch.whileIdle(() => sleep(baselineSeconds ?? BASELINE_SECONDS, signal));
    signal.throwIfAborted();
    this.#baseline = meanReadings(watch.take());
  }

  async #calibrateKernel(kernel: Kernel): Promise<void> {
    const { name } = kernel;
    const { onProgress, clock } = this.#options;
    this.#stop.signal.throwIfAborted();
    const joulesBefore = this.#watch?.joules;
    const atMs = clock.nowMs();
    const outcome = await this.#measure(kernel);
    const readings = this.#watch?.take() ?? [];
    if (outcome.kind === "lacking") {
      const { reason } = outcome;
      this.#lacking.push({ kernel: name, reason });
      onProgress?.({ stage: "lacking", kernel: name, reason });
    } else if (outcome.kind === "failed") {
      const { error } = outcome;
      this.#failed.push({ kernel: name, error });
      onProgress?.({ stage: "failed", kernel: name, error });
    } else {
      const energyJoules = difference(joulesBefore, this.#watch?.joules);
      const telemetry = meanReadings(readings);
      const calibration = { ...this.#record(outcome, telemetry), atMs, energyJoules };
      this.#calibrations.push(calibration);
      onProgress?.({ stage: "done", kernel: name, calibration });
    }
  }

  #measure(kernel: Kernel): ReturnType<typeof measureKernel> {
    const { options, watch } = { options: this.#options, watch: this.#watch };
    const lead = Math.min(LEAD_SECONDS, options.seconds * LEAD_SHARE);
    let isFirst = true;
    return measureKernel(this.#unchecked, kernel, {
      random: options.random,
      now: () => options.clock.monotonicSeconds(),
      seconds: options.seconds,
      maxRounds: options.maxRounds ?? MAX_ROUNDS,
      targetSpread: options.targetSpread ?? TARGET_SPREAD,
      checked: this.#checked,
      tuning: options.tuning,
      shader: options.shader,
      signal: this.#stop.signal,
      onStage: (stage) => options.onProgress?.({ stage, kernel: kernel.name }),
      around: (run) => {
        const leadSeconds = isFirst ? lead : 0;
        isFirst = false;
        return watch ? watch.during(leadSeconds, run) : run();
      },
    });
  }

  #record(
    { kernel, build, summary, seconds, gpuSeconds }: MeasuredKernel,
    telemetry: Record<string, number>,
  ): Omit<Calibration, "atMs"> {
    const { adapter } = this.#unchecked;
    const { gpus } = this.#options.telemetry;
    const gpu = gpus.find(({ uuid }) => uuid === this.#match.gpuUuid);
    const watts = telemetry["powerWatts"];
    return {
      ...this.#match,
      adapter: adapterName(adapter),
      kernel: kernel.name,
      family: kernel.family,
      cost: kernel.cost,
      measures: kernel.measures,
      variant: build.variant,
      joulesPerUnit: watts === undefined ? undefined : watts / summary.ratePerSecond,
      gpuSeconds,
      driverVersion: gpu?.driverVersion,
      powerLimitWatts: gpu?.powerLimitWatts,
      durationSeconds: seconds,
      unit: kernel.unit,
      software: adapter.software,
      telemetry,
      baseline: this.#baseline,
      ...summary,
    };
  }
}

/**
 * Our own pids, where the driver numbers processes as we do. Where it was not seen to, they are
 * other processes' numbers for all that is known.
 */
export function ownPidsOf(
  { checked, unchecked }: MeasuringDevices,
  { deviceMatch }: DeviceMatch,
): ReadonlySet<number> {
  return new Set(deviceMatch === "pid-and-memory" ? [checked.pid, unchecked.pid] : []);
}

function interruptedBy(why: string): AssayError {
  return new AssayError("probe/interrupted", `the GPU was given back: ${why}`, {
    hint: "calibrate again when the GPU is free",
  });
}

/** Of the energy since the start; what was unmeasured before the first reading was nothing. */
function difference(before: number | undefined, after: number | undefined): number | undefined {
  return after === undefined ? undefined : after - (before ?? 0);
}
