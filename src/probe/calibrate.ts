import { AssayError } from "../model/errors.ts";
import { Session } from "./calibration-session.ts";
import type { CalibrateOptions, CalibrationRun } from "./calibration-types.ts";
import { type DeviceMatch, matchDevice } from "./device-match.ts";
import { type MeasuringDevices, openMeasuringDevices } from "./measuring-devices.ts";
import { nameProcesses, waitForIdle } from "./occupancy.ts";
import { lookAt } from "./telemetry.ts";

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
