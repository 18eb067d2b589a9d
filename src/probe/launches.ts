import type { Calibration } from "../model/calibration.ts";
import type { ProbeDevice } from "./device.ts";
import type { Launch } from "./protocol.ts";
import { median, relativeSpread } from "./statistics.ts";

/** Long enough that a few milliseconds between launches do not show in the utilisation. */
const LAUNCH_SECONDS = 0.25;
const MAX_DISPATCHES = 65_536;

export interface TimedLaunch extends Launch {
  dispatches: number;
}

export interface LaunchRun {
  launches: readonly TimedLaunch[];
  /** From the first measured launch's submission to the last one's end. */
  seconds: number;
}

/** How to launch a kernel so that a launch lasts about a quarter of a second. */
export interface Pace {
  dispatches: number;
  secondsPerDispatch: number;
}

/** Finds the pace by doubling, which warms the device up as well. */
export async function findPace(device: ProbeDevice, handle: number): Promise<Pace> {
  let dispatches = 1;
  let secondsPerDispatch = 0;
  while (true) {
    const launch = await device.launch(handle, dispatches, secondsPerDispatch * dispatches);
    const duration = durationOf(launch);
    secondsPerDispatch = duration / dispatches;
    if (duration * 2 > LAUNCH_SECONDS || dispatches * 2 > MAX_DISPATCHES) break;
    dispatches *= 2;
  }
  return { dispatches, secondsPerDispatch };
}

/** Launches a prepared kernel for about `seconds`; at least once. */
export async function launchFor(
  device: ProbeDevice,
  handle: number,
  pace: Pace,
  seconds: number,
  now: () => number,
): Promise<LaunchRun> {
  const { dispatches } = pace;
  let expectedSeconds = pace.secondsPerDispatch * dispatches;
  const launches: TimedLaunch[] = [];
  const startedAt = now();
  do {
    const launch = await device.launch(handle, dispatches, expectedSeconds);
    launches.push({ ...launch, dispatches });
    expectedSeconds = durationOf(launch);
  } while (now() - startedAt < seconds);
  return { launches, seconds: now() - startedAt };
}

function durationOf(launch: Launch): number {
  return launch.gpuSeconds ?? launch.wallSeconds;
}

export type RateSummary = Pick<Calibration, "ratePerSecond" | "rateSpread" | "timing">;

/**
 * Median rate and its spread. Launches that the device timed count alone where there are any: the
 * host's clock also counts submission and waking up. Undefined where no launch took any time.
 */
export function summarize(
  launches: readonly TimedLaunch[],
  workPerDispatch: number,
): RateSummary | undefined {
  const rates = (seconds: (launch: Launch) => number | undefined): number[] =>
    launches.flatMap((launch) => {
      const taken = seconds(launch);
      return taken ? [(launch.dispatches * workPerDispatch) / taken] : [];
    });
  const byDevice = rates((launch) => launch.gpuSeconds);
  const timing = byDevice.length > 0 ? "timestamp" : "wall";
  const used = timing === "timestamp" ? byDevice : rates((launch) => launch.wallSeconds);
  const ratePerSecond = median(used);
  if (ratePerSecond === undefined) return undefined;
  return { ratePerSecond, rateSpread: relativeSpread(used), timing };
}
