import { AssayError } from "../../model/errors.ts";
import type { ProbeDevice } from "../../probe/device.ts";
import type { Kernel, Random } from "../../probe/kernels/kernel.ts";
import { type KernelOutcome, measureKernel, type MeasureStage } from "../../probe/measure.ts";
import { type MeasuringDevices, openMeasuringDevices } from "../../probe/measuring-devices.ts";
import type { AdapterDescription } from "../../probe/protocol.ts";
import type { Tuning } from "../../probe/tuning.ts";

/** What became of one kernel; `skipped` where it was never begun or not finished. */
export type BenchOutcome = KernelOutcome | { kind: "skipped"; kernel: Kernel; reason: string };

export interface BenchRun {
  adapter: AdapterDescription;
  /** One for each kernel, in their order. */
  outcomes: readonly BenchOutcome[];
  /** It was asked to stop before the end. */
  stopped: boolean;
  /** From the first device opened to the last one closed, by the host's clock. */
  durationSeconds: number;
}

export interface BenchOptions {
  open: (options: { robustness: boolean }) => Promise<ProbeDevice>;
  kernels: readonly Kernel[];
  /** Of measured launching, per round. */
  seconds: number;
  maxRounds: number;
  targetSpread: number;
  random: Random;
  /** Monotonic seconds. */
  now: () => number;
  signal: AbortSignal;
  tuning?: Tuning | undefined;
  /** WGSL by file name; by default from the package's `shaders/`. */
  shader?: ((name: string) => Promise<string>) | undefined;
  watcher?: BenchWatcher | undefined;
}

/** Is told how it goes on. */
export interface BenchWatcher {
  opened?(adapter: AdapterDescription): void;
  stage?(kernel: Kernel, stage: MeasureStage): void;
  done?(outcome: BenchOutcome): void;
}

const STOPPED = "it was stopped";

/**
 * Verifies and measures each kernel. One that fails, or takes its device process with it, does not
 * keep the others from being measured; an abort ends with what was measured so far.
 * @throws what `open` throws the first time: then nothing is measured
 */
export async function runBench(options: BenchOptions): Promise<BenchRun> {
  const { kernels, now, signal, watcher } = options;
  const startedAt = now();
  const first = await openMeasuringDevices(options.open);
  const { adapter } = first.unchecked;
  watcher?.opened?.(adapter);
  let devices: MeasuringDevices | undefined = first;
  const outcomes: BenchOutcome[] = [];
  try {
    for (const kernel of kernels) {
      const outcome = await outcomeOf(kernel, devices, options);
      outcomes.push(outcome);
      watcher?.done?.(outcome);
      if (isCrash(outcome) && !signal.aborted) devices = await reopened(devices, options);
    }
  } finally {
    await devices?.close();
  }
  return { adapter, outcomes, stopped: signal.aborted, durationSeconds: now() - startedAt };
}

async function outcomeOf(
  kernel: Kernel,
  devices: MeasuringDevices | undefined,
  options: BenchOptions,
): Promise<BenchOutcome> {
  const { signal, watcher } = options;
  if (signal.aborted) return { kind: "skipped", kernel, reason: STOPPED };
  if (!devices) return { kind: "skipped", kernel, reason: "the device could not be opened again" };
  try {
    return await measureKernel(devices.unchecked, kernel, {
      random: options.random,
      now: options.now,
      seconds: options.seconds,
      maxRounds: options.maxRounds,
      targetSpread: options.targetSpread,
      checked: devices.checked,
      tuning: options.tuning,
      shader: options.shader,
      signal,
      onStage: (stage) => watcher?.stage?.(kernel, stage),
    });
  } catch (error) {
    if (signal.aborted) return { kind: "skipped", kernel, reason: STOPPED };
    if (!(error instanceof AssayError)) throw error;
    return { kind: "failed", kernel, error, gpuSeconds: 0 };
  }
}

/** After it the device process is gone. */
function isCrash(outcome: BenchOutcome): boolean {
  return outcome.kind === "failed" && outcome.error.code === "probe/crashed";
}

/** Undefined where the driver does not come back: the rest is skipped. */
async function reopened(
  devices: MeasuringDevices | undefined,
  { open }: BenchOptions,
): Promise<MeasuringDevices | undefined> {
  await devices?.close();
  return openMeasuringDevices(open).catch((error: unknown) => {
    if (error instanceof AssayError) return undefined;
    throw error;
  });
}
