import type { DeviceHealth } from "../../model/sample.ts";
import type { DeviceCalls } from "./device-calls.ts";
import { readMeasuredU32, readMeasuredU64, SIZES } from "./layouts.ts";
import { NVML } from "./results.ts";

/** Counts of errors change rarely, and some come from a slow path of the driver. */
const PERIOD_MS = 60_000;

const CORRECTED = 0;
const UNCORRECTED = 1;
/** Since the driver was loaded, not over the device's life. */
const VOLATILE = 0;

/**
 * Error counts of a device: facts about its health, which say nothing of what runs on it.
 */
export class HealthReader {
  readonly #calls: DeviceCalls;
  readonly #gpu: number;
  #readAtMs: number | undefined;

  constructor(calls: DeviceCalls, gpu: number) {
    this.#calls = calls;
    this.#gpu = gpu;
  }

  /**
   * At most once a minute, and at once when a driver error came.
   * @param nowMs monotonic
   * @param xids codes of driver errors since the last reading, oldest first
   */
  read(atMs: number, nowMs: number, xids: readonly number[]): DeviceHealth | undefined {
    const last = this.#readAtMs;
    const isDue = last === undefined || nowMs - last >= PERIOD_MS || nowMs < last;
    if (!isDue && xids.length === 0) return undefined;
    this.#readAtMs = nowMs;
    const counts = Object.entries(this.#counts()).filter(([, value]) => value !== undefined);
    if (counts.length === 0 && xids.length === 0) return undefined;
    return { ...healthOf(atMs, this.#gpu, xids), ...Object.fromEntries(counts) };
  }

  #counts(): Omit<DeviceHealth, "kind" | "atMs" | "gpu" | "xids"> {
    const replays = new Uint8Array(SIZES.u32);
    return {
      eccCorrected: this.#ecc(CORRECTED),
      eccUncorrected: this.#ecc(UNCORRECTED),
      pcieReplays: this.#calls.read("nvmlDeviceGetPcieReplayCounter", replays, readMeasuredU32),
      remappedRows: this.#remappedRows(),
    };
  }

  #ecc(errorType: number): number | undefined {
    const symbol = "nvmlDeviceGetTotalEccErrors";
    return this.#calls.read(symbol, new Uint8Array(SIZES.u64), readMeasuredU64, {
      before: [errorType, VOLATILE],
      key: `${symbol} ${errorType}`,
    });
  }

  /** Rows remapped for corrected and for uncorrected errors together, over the device's life. */
  #remappedRows(): number | undefined {
    const [corrected, uncorrected, pending, failed] = [0, 1, 2, 3].map(
      () => new Uint8Array(SIZES.u32),
    );
    if (!corrected || !uncorrected || !pending || !failed) return undefined;
    const args = [corrected, uncorrected, pending, failed];
    if (this.#calls.call("nvmlDeviceGetRemappedRows", args) !== NVML.success) return undefined;
    const rows = [readMeasuredU32(corrected), readMeasuredU32(uncorrected)];
    return rows.reduce(
      (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
      0,
    );
  }
}

/** A line of health that tells of driver errors alone: all there is when the device has gone. */
export function healthOf(atMs: number, gpu: number, xids: readonly number[]): DeviceHealth {
  return { kind: "health", atMs, gpu, ...(xids.length > 0 && { xids }) };
}
