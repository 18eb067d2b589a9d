import type { Calibration } from "../model/calibration.ts";
import { GPU_QUANTITIES } from "../model/sample.ts";
import { SOFTWARE_UUID } from "../probe/device-match.ts";

const KERNEL_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
/** Clocks of one machine agree; what is from later than this is not from here. */
const CLOCK_SLACK_MS = 300_000;
const QUANTITIES: ReadonlySet<string> = new Set(GPU_QUANTITIES);
/** No device does more of anything a second, and no calibration takes longer: seconds. */
const MAX_RATE = 1e18;
const MAX_SECONDS = 1e6;

/**
 * Why a calibration that somebody left cannot be true; undefined where it can. It sets the scale by
 * which people's work is judged, and a ledger forgets nothing.
 */
export function whyImplausible(calibration: Calibration, nowMs: number): string | undefined {
  const { kernel, atMs, ratePerSecond, durationSeconds, gpuSeconds = 0 } = calibration;
  const { energyJoules = 0, joulesPerUnit = 0, rateSpread = 0, telemetry, baseline } = calibration;
  if (!KERNEL_NAME.test(kernel)) return "its kernel has no kernel's name";
  if (!(atMs > 0 && atMs <= nowMs + CLOCK_SLACK_MS)) return "it is of a time that has not been yet";
  if (!(ratePerSecond > 0 && ratePerSecond <= MAX_RATE)) return "no device has such a rate";
  const spans = [durationSeconds, gpuSeconds];
  if (!spans.every((seconds) => seconds >= 0 && seconds <= MAX_SECONDS))
    return "no calibration takes such a time";
  const amounts = [energyJoules, joulesPerUnit, rateSpread];
  const readings = [...Object.values(telemetry), ...Object.values(baseline)];
  if (![...amounts, ...readings].every((value) => value >= 0 && value <= MAX_RATE))
    return "a reading is negative or beyond all bounds";
  const names = [...Object.keys(telemetry), ...Object.keys(baseline)];
  if (!names.every((name) => QUANTITIES.has(name))) return "it has a reading that nobody makes";
  return whyNoDevice(calibration);
}

function whyNoDevice({ software, deviceMatch, gpuUuid }: Calibration): string | undefined {
  const isConfirmed = deviceMatch === "pid-and-memory" || deviceMatch === "memory-seen";
  if (software)
    return deviceMatch === "software" && gpuUuid === SOFTWARE_UUID
      ? undefined
      : "it is of a CPU that plays GPU and names a GPU";
  return isConfirmed && gpuUuid !== SOFTWARE_UUID && gpuUuid !== ""
    ? undefined
    : "nothing confirmed which GPU it is of";
}
