import type { Calibration } from "../model/calibration.ts";
import type { GpuInfo } from "../model/sample.ts";
import type { ScaleOrigin } from "../model/signature.ts";
import { type ReferenceScale, referenceScale } from "./references.ts";

/** Public limits of a device model, from its vendor's data sheet. */
export interface DeviceLimits {
  /** Matches the model's name; `*` stands for anything. */
  model: string;
  boardPowerWatts: number;
  maxSmClockMHz?: number | undefined;
  /** One direction, of the device's host link. */
  pcieBytesPerSec?: number | undefined;
  /** One direction, over all links together. */
  nvlinkBytesPerSec?: number | undefined;
  memoryBytes?: number | undefined;
  /** Peak FLOP/s of f32 arithmetic, a multiply-add being two. */
  f32FlopPerSec?: number | undefined;
  /** Peak FLOP/s of the tensor cores, f16 products summed in f32; dense, not with sparsity. */
  tensorF16FlopPerSec?: number | undefined;
  /** Peak bytes a second of device memory. */
  memoryBytesPerSec?: number | undefined;
}

/** What turns watts, megahertz and bytes of one device into levels that all devices share. */
export interface DeviceScale {
  origin: ScaleOrigin;
  idlePowerWatts?: number | undefined;
  fullPowerWatts?: number | undefined;
  maxSmClockMHz?: number | undefined;
  pcieBytesPerSec?: number | undefined;
  nvlinkBytesPerSec?: number | undefined;
  memoryBytes?: number | undefined;
  /** What the reference kernels did to this very device; absent where it was never calibrated. */
  references?: ReferenceScale | undefined;
}

/**
 * Without a calibration nobody measured this device at rest. Boards of the last ten years rest at
 * a tenth to a sixth of their limit: an eighth is between them, and errs by a few per cent only.
 */
const ASSUMED_IDLE_SHARE = 1 / 8;

/** The scale of a device: its own calibration first, then its model's public limits. */
export function deviceScale(
  gpu: GpuInfo,
  limits: readonly DeviceLimits[],
  calibrations: readonly Calibration[],
): DeviceScale {
  const known = limits.find((entry) => matchesModel(entry.model, gpu.model));
  const own = calibrations.filter((c) => c.gpuUuid === gpu.uuid && !c.software);
  const rest = own.map((c) => c.baseline["powerWatts"]).filter((watts) => watts !== undefined);
  const references = referenceScale(own);
  const clocks = own.map((c) => c.telemetry["smClockMHz"]).filter((mhz) => mhz !== undefined);
  const limitWatts = gpu.powerLimitWatts ?? known?.boardPowerWatts;
  const drawn = own.map((c) => c.telemetry["powerWatts"]).filter((watts) => watts !== undefined);
  const shared = {
    fullPowerWatts: limitWatts ?? highest(drawn),
    // A model that no table knows still showed its clocks to the reference kernels.
    maxSmClockMHz: known?.maxSmClockMHz ?? highest(clocks),
    pcieBytesPerSec: known?.pcieBytesPerSec,
    nvlinkBytesPerSec: known?.nvlinkBytesPerSec,
    memoryBytes: gpu.memoryTotalBytes ?? known?.memoryBytes,
    references,
  };
  if (rest.length > 0)
    return { origin: "calibrated", ...shared, idlePowerWatts: Math.min(...rest) };
  if (limitWatts === undefined) return { origin: "none", ...shared };
  return { origin: "public-limits", ...shared, idlePowerWatts: limitWatts * ASSUMED_IDLE_SHARE };
}

function highest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}

/** Case-insensitive, with `*` for any run of characters; linear in the name for a plain pattern. */
export function matchesModel(pattern: string, model: string): boolean {
  const parts = pattern.toLowerCase().split("*");
  const name = model.toLowerCase();
  const [first = "", ...rest] = parts;
  if (rest.length === 0) return name === first;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? "";
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
