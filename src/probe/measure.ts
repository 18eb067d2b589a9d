import { AssayError } from "../model/errors.ts";
import { messageOf } from "./child-failure.ts";
import type { ProbeDevice } from "./device.ts";
import type { Kernel, Random, Scale, Workload } from "./kernels/kernel.ts";
import { type Build, buildOf } from "./kernels/variant.ts";
import { findPace, launchFor, type RateSummary, summarize, type TimedLaunch } from "./launches.ts";
import { MeteredDevice } from "./metered-device.ts";
import { readShader } from "./shaders.ts";
import type { Tuning } from "./tuning.ts";

export const MEASURE_STAGES = ["tune", "verify", "prepare", "run", "check"] as const;
export type MeasureStage = (typeof MEASURE_STAGES)[number];

export interface MeasureOptions {
  random: Random;
  /** Monotonic seconds. */
  now(): number;
  /** Of launching, per round. */
  seconds: number;
  maxRounds: number;
  /** Rounds end when the launches' rates vary by less: interquartile range over median. */
  targetSpread: number;
  /** Verifies there instead of on the measured device: see `openMeasuringDevices`. */
  checked?: ProbeDevice | undefined;
  /** The first of the kernel's variants where absent. */
  tuning?: Tuning | undefined;
  /** WGSL by file name; by default from the package's `shaders/`. */
  shader?: ((name: string) => Promise<string>) | undefined;
  /** Of the workload; by default what the adapter is. */
  scale?: Scale | undefined;
  signal?: AbortSignal | undefined;
  onStage?: ((stage: MeasureStage) => void) | undefined;
  /** Around each measured round, and nothing else. */
  around?: (<T>(run: () => Promise<T>) => Promise<T>) | undefined;
}

export interface MeasuredKernel {
  kind: "measured";
  kernel: Kernel;
  build: Build;
  /** Of the launches of all rounds together. */
  summary: RateSummary;
  rounds: number;
  /** Of the measured rounds, by the host's clock. */
  seconds: number;
  /** Of everything: verification, search, finding the pace, rounds. */
  gpuSeconds: number;
}

export type KernelOutcome =
  | MeasuredKernel
  | { kind: "lacking"; kernel: Kernel; reason: string }
  | { kind: "failed"; kernel: Kernel; error: AssayError; gpuSeconds: number };

/**
 * Verifies a kernel, measures it in rounds until its rate is steady, and checks the result.
 * A kernel that the adapter lacks something for, or that does not compile, fit or compute rightly,
 * is an outcome of its own; nothing of it is left on the device.
 * @throws AssayError `probe/crashed`, after which the device is of no use, and the reason of
 * `signal`, at most one launch after it was aborted
 */
export async function measureKernel(
  device: ProbeDevice,
  kernel: Kernel,
  options: MeasureOptions,
): Promise<KernelOutcome> {
  const reason = kernel.lacks(device.adapter);
  if (reason !== undefined) return { kind: "lacking", kernel, reason };

  const { signal, now, checked } = options;
  const measured = new MeteredDevice(device, { now, signal });
  const verifying = checked ? new MeteredDevice(checked, { now, signal }) : measured;
  const spent = (): number =>
    measured.gpuSeconds + (verifying === measured ? 0 : verifying.gpuSeconds);
  try {
    const run = await measureOn(measured, verifying, kernel, options);
    return { kind: "measured", kernel, ...run, gpuSeconds: spent() };
  } catch (error) {
    if (signal?.aborted) {
      // What died of it, or is closed meanwhile, has nothing left to release.
      await releaseBoth(measured, verifying).catch(() => undefined);
      throw signal.reason;
    }
    await releaseBoth(measured, verifying);
    return { kind: "failed", kernel, error: ownFailure(kernel, error), gpuSeconds: spent() };
  }
}

async function measureOn(
  device: ProbeDevice,
  verifying: ProbeDevice,
  kernel: Kernel,
  options: MeasureOptions,
): Promise<Pick<MeasuredKernel, "build" | "summary" | "rounds" | "seconds">> {
  const { random, onStage, shader = readShader } = options;
  const code = await shader(kernel.shader);
  const { adapter } = device;
  if (options.tuning) onStage?.("tune");
  const build =
    (await options.tuning?.choose(device, kernel, code)) ??
    buildOf(code, kernel.variants(adapter)[0]);

  onStage?.("verify");
  await kernel.verify(verifying, build, random);

  onStage?.("prepare");
  const scale = options.scale ?? (adapter.software ? "software" : "gpu");
  const workload = kernel.workload({ build, scale, adapter, random });
  const handle = await device.prepare(workload.job);

  onStage?.("run");
  const rounds = await runRounds(device, handle, workload, options);

  onStage?.("check");
  await workload.check((binding, range) => device.read(handle, binding, range));
  await device.release(handle);
  if (!rounds.summary)
    throw new AssayError("probe/refused", `${kernel.name}: no launch could be timed`);
  return { ...rounds, build, summary: rounds.summary };
}

interface Rounds {
  rounds: number;
  seconds: number;
  summary: RateSummary | undefined;
}

async function runRounds(
  device: ProbeDevice,
  handle: number,
  { workPerDispatch }: Workload,
  options: MeasureOptions,
): Promise<Rounds> {
  const { now, maxRounds, targetSpread, around = (run) => run() } = options;
  const pace = await findPace(device, handle);
  const launches: TimedLaunch[] = [];
  let seconds = 0;
  let rounds = 0;
  while (true) {
    const round = await around(() => launchFor(device, handle, pace, options.seconds, now));
    rounds++;
    seconds += round.seconds;
    launches.push(...round.launches);
    const summary = summarize(launches, workPerDispatch);
    const steady = (summary?.rateSpread ?? Infinity) < targetSpread;
    if (steady || rounds >= maxRounds) return { rounds, seconds, summary };
  }
}

/** @throws AssayError `probe/crashed`: what is dead cannot release, and cannot go on */
async function releaseBoth(measured: MeteredDevice, verifying: MeteredDevice): Promise<void> {
  await measured.releaseAll();
  if (verifying !== measured) await verifying.releaseAll();
}

/** @throws AssayError `probe/crashed`: that is no failure of this kernel alone */
function ownFailure(kernel: Kernel, error: unknown): AssayError {
  if (!(error instanceof AssayError))
    return new AssayError("probe/refused", `${kernel.name}: ${messageOf(error)}`, { cause: error });
  if (error.code === "probe/crashed") throw error;
  return error;
}
