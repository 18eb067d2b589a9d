import type { Calibration } from "../model/calibration.ts";
import { AssayError } from "../model/errors.ts";
import type { ProbeDevice } from "./device.ts";
import { adapterName } from "./device-process.ts";
import { type DeviceMatch, matchDevice } from "./device-match.ts";
import { GpuWatch } from "./gpu-watch.ts";
import type { Kernel, Random } from "./kernels/kernel.ts";
import { measureKernel, type MeasuredKernel, type MeasureStage, type Tuning } from "./measure.ts";
import { type MeasuringDevices, openMeasuringDevices } from "./measuring-devices.ts";
import { MeteredDevice } from "./metered-device.ts";
import { nameProcesses, waitForIdle } from "./occupancy.ts";
import { lookAt, meanReadings, type TelemetrySource } from "./telemetry.ts";

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

export interface CalibrateOptions {
  /** Called twice: for the device that is verified on, and for the one that is measured. */
  open: (options: { robustness: boolean }) => Promise<ProbeDevice>;
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
  /** The GPU is known, and nothing has run on it: whose processes these are can be told now. */
  onMatched?: ((match: DeviceMatch, pids: readonly number[]) => Promise<void>) | undefined;
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

const MAX_ROUNDS = 8;
const TARGET_SPREAD = 0.02;
const SETTLE_SECONDS = 5;
const BASELINE_SECONDS = 3;
const INTERVAL_SECONDS = 0.5;
/** Driver utilisation speaks of about the last second: skipped, but never most of a short run. */
const LEAD_SECONDS = 1;
const LEAD_SHARE = 0.25;

/**
 * Waits for an idle GPU, runs each kernel until its rate is steady, and keeps what the collectors
 * saw meanwhile. Ends at once when somebody else wants the GPU; what was measured until then is in
 * the result, as is why it ended. On a software adapter no telemetry is read: no GPU of the node
 * does that work.
 * @throws AssayError `probe/busy`, `probe/no-match`, `probe/interrupted` before anything was
 * measured, and what `open` throws
 */
export async function calibrate(options: CalibrateOptions): Promise<CalibrationRun> {
  const stop = stopOn(options.signal);
  const { gpuUuid } = options;
  if (gpuUuid !== undefined) await untilIdle(gpuUuid, new Set(), options, stop.signal);
  stop.signal.throwIfAborted();
  const startedAt = options.clock.monotonicSeconds();
  options.onProgress?.({ stage: "open" });
  const devices = await openMeasuringDevices(options.open);
  try {
    const match = await matchBoth(devices, options);
    const pids = [devices.checked.pid, devices.unchecked.pid];
    await options.onMatched?.(match, pids);
    const isGpu = !devices.unchecked.adapter.software;
    if (isGpu && gpuUuid === undefined)
      await untilIdle(match.gpuUuid, new Set(pids), options, stop.signal);
    const session = new Session(devices, match, options, stop);
    return await session.run(startedAt);
  } finally {
    await devices.close();
  }
}

/** Both processes must be on one GPU: what was verified on another says nothing of this one. */
async function matchBoth(
  { checked, unchecked }: MeasuringDevices,
  { telemetry, gpuUuid }: CalibrateOptions,
): Promise<DeviceMatch> {
  const match = await matchDevice(unchecked, telemetry);
  const other = await matchDevice(checked, telemetry);
  const wanted = gpuUuid ?? match.gpuUuid;
  if (match.gpuUuid === wanted && other.gpuUuid === wanted) return match;
  const given = [...new Set([match.gpuUuid, other.gpuUuid])].join(" and ");
  throw new AssayError("probe/no-match", `the WebGPU adapter is ${given}, not ${wanted}`, {
    hint: "show the device process that GPU only (NVIDIA_VISIBLE_DEVICES, a device cgroup)",
  });
}

async function untilIdle(
  gpuUuid: string,
  ownPids: ReadonlySet<number>,
  { telemetry, clock, sleep, waitSeconds = 0, onProgress }: CalibrateOptions,
  signal: AbortSignal,
): Promise<void> {
  const { holders, isKnown } = await waitForIdle({
    look: () => lookAt(telemetry, gpuUuid),
    ownPids,
    waitSeconds,
    now: () => clock.monotonicSeconds(),
    sleep,
    signal,
    onBusy: (text) => onProgress?.({ stage: "waiting", text }),
  });
  const note = (text: string): void => onProgress?.({ stage: "note", text });
  if (!isKnown) note("nothing here tells whether this GPU is idle: it is taken to be");
  if (holders.length > 0)
    note(`others hold memory on this GPU and do not use it: ${nameProcesses(holders)}`);
}

/** Not `AbortSignal.any`: Node 20 holds the parts of a joined signal weakly. */
function stopOn(asked: AbortSignal | undefined): AbortController {
  const stop = new AbortController();
  const end = (): void =>
    stop.abort(new AssayError("probe/interrupted", "the calibration was asked to stop"));
  if (asked?.aborted) end();
  asked?.addEventListener("abort", end, { once: true });
  return stop;
}

/** One calibration of one GPU, from the idle device to the last kernel. */
class Session {
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
      ownPids: new Set([devices.checked.pid, devices.unchecked.pid]),
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

function interruptedBy(why: string): AssayError {
  return new AssayError("probe/interrupted", `the GPU was given back: ${why}`, {
    hint: "calibrate again when the GPU is free",
  });
}

/** Of the energy since the start; what was unmeasured before the first reading was nothing. */
function difference(before: number | undefined, after: number | undefined): number | undefined {
  return after === undefined ? undefined : after - (before ?? 0);
}
