import type { GpuQuantity } from "../../model/sample.ts";
import type { DeviceCalls } from "./device-calls.ts";
import { readMeasuredU32, SIZES } from "./layouts.ts";
import type { NvmlSymbol } from "./library.ts";
import type { Readings } from "./measured.ts";

const ENGINES: readonly (readonly [GpuQuantity, NvmlSymbol])[] = [
  ["encUtil", "nvmlDeviceGetEncoderUtilization"],
  ["decUtil", "nvmlDeviceGetDecoderUtilization"],
  ["jpgUtil", "nvmlDeviceGetJpgUtilization"],
  ["ofaUtil", "nvmlDeviceGetOfaUtilization"],
];

/**
 * Use of the video, image and optical-flow engines. The driver averages over a period of its own, which
 * it tells in microseconds; newer GPUs alone have the last two, and none answers under MIG.
 */
export function readEngines(calls: DeviceCalls, readings: Readings): void {
  for (const [quantity, symbol] of ENGINES) {
    if (!calls.isSupported(symbol)) continue;
    const percent = new Uint8Array(SIZES.u32);
    const periodUs = new Uint8Array(SIZES.u32);
    const value = calls.read(symbol, periodUs, () => readMeasuredU32(percent), {
      before: [percent],
    });
    // These are whole percents: unlike a mean, they have no reason to stray over 100.
    if (value !== undefined && value <= 100) readings.add(quantity, value / 100, symbol);
  }
}
