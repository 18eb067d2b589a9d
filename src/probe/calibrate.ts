import { AssayError } from "../model/errors.ts";
import { ownPidsOf, Session } from "./calibration-session.ts";
import type { CalibrateOptions, CalibrationRun } from "./calibration-types.ts";
import type { DeviceMatch } from "./device-match.ts";
import { openMeasuringDevices } from "./measuring-devices.ts";
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
  const matches: DeviceMatch[] = [];
  const devices = await openMeasuringDevices(async ({ robustness }) => {
    const started = (pid: number): void => options.onStarted?.(pid);
    const opened = await options.open({ robustness, started, signal: stop.signal });
    matches.push(opened.match);
    return opened.device;
  });
  try {
    const match = sameGpu(matches, gpuUuid);
    await options.onMatched?.(match);
    const isGpu = !devices.unchecked.adapter.software;
    if (isGpu && gpuUuid === undefined)
      await untilIdle(match.gpuUuid, ownPidsOf(devices, match), options, stop.signal);
    const session = new Session(devices, match, options, stop);
    return await session.run(startedAt);
  } finally {
    await devices.close();
  }
}

/** Both processes must be on one GPU: what was verified on another says nothing of this one. */
function sameGpu(matches: readonly DeviceMatch[], gpuUuid: string | undefined): DeviceMatch {
  const [first] = matches;
  if (!first) throw new AssayError("probe/no-match", "no device was opened");
  const wanted = gpuUuid ?? first.gpuUuid;
  if (matches.every((match) => match.gpuUuid === wanted)) return first;
  const given = [...new Set(matches.map((match) => match.gpuUuid))].join(" and ");
  throw new AssayError("probe/no-match", `the WebGPU adapter is ${given}, not ${wanted}`, {
    hint: "name the GPU with --gpu, or show the device process that one only",
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
