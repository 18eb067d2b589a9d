import type { GapObservation, Observation } from "../../model/observation.ts";
import { backoffMs, type BackoffSettings } from "../backoff.ts";
import type { NvmlDevice } from "./device.ts";
import { healthOf } from "./health.ts";
import { DeviceLostError } from "./results.ts";

interface Lost {
  reason: string;
  failures: number;
  retryAtMs: number;
}

/**
 * The place of one device: it reads the device while it answers, and tries with growing waits to get
 * it back once it is lost. Other devices do not notice.
 */
export class DeviceSlot {
  readonly index: number;
  device: NvmlDevice | undefined;
  readonly #backoff: BackoffSettings;
  readonly #reopen: () => NvmlDevice;
  #lost: Lost | undefined;
  /** Up to where this device's time is told, as readings or as a gap (Unix milliseconds). */
  #toldToMs: number | undefined;

  constructor(index: number, backoff: BackoffSettings, reopen: () => NvmlDevice) {
    this.index = index;
    this.#backoff = backoff;
    this.#reopen = reopen;
  }

  get lostReason(): string | undefined {
    return this.#lost?.reason;
  }

  /** Gives back what the library holds for the device. */
  close(): void {
    this.device?.release();
  }

  /** Opens the device, or notes why it cannot be. @param nowMs monotonic */
  open(nowMs: number): void {
    try {
      this.#open();
    } catch (error) {
      this.#markLost(error, nowMs);
    }
  }

  /**
   * Readings of `atMs`, with the gap before them if the device was lost; nothing while it waits to be
   * tried again.
   * @param nowMs monotonic, for the waits
   * @param sinceMs utilisation samples before it no longer speak of now (Unix milliseconds)
   * @param xids driver errors since the last time: the last words of a device that is lost
   * @throws what is not about this device alone
   */
  sample(
    atMs: number,
    nowMs: number,
    sinceMs: number,
    xids: readonly number[] = [],
  ): Observation[] {
    const lastWords = xids.length > 0 ? [healthOf(atMs, this.index, xids)] : [];
    if (this.#lost && nowMs < this.#lost.retryAtMs) return lastWords;
    this.#toldToMs ??= atMs;
    try {
      const device = this.device && !this.#lost ? this.device : this.#open();
      const { readings, processes, more } = device.read(atMs, nowMs, sinceMs, xids);
      const gap = this.#lost && this.#gap(atMs, this.#lost.reason);
      this.#lost = undefined;
      this.#toldToMs = atMs;
      const { index: gpu } = this;
      return [
        ...(gap ? [gap] : []),
        { kind: "gpu", atMs, gpu, ...readings },
        ...(processes ? [{ kind: "processes" as const, atMs, gpu, list: processes }] : []),
        ...more,
      ];
    } catch (error) {
      const gap = this.#gap(atMs, this.#markLost(error, nowMs));
      return [...(gap ? [gap] : []), ...lastWords];
    }
  }

  #open(): NvmlDevice {
    const opened = this.#reopen();
    // What is known of a device stays known, unless another one has taken its place.
    if (this.device?.isSame(opened)) return this.device;
    this.device?.release();
    this.device = opened;
    return opened;
  }

  #markLost(error: unknown, nowMs: number): string {
    if (!(error instanceof DeviceLostError)) throw error;
    this.device?.release();
    const failures = (this.#lost?.failures ?? 0) + 1;
    const retryAtMs = nowMs + backoffMs(this.#backoff, failures);
    this.#lost = { reason: error.message, failures, retryAtMs };
    return error.message;
  }

  #gap(toMs: number, reason: string): GapObservation | undefined {
    const fromMs = this.#toldToMs ?? toMs;
    this.#toldToMs = toMs;
    // Before a device has told who it is, nothing can be said of its time.
    if (fromMs >= toMs || !this.device) return undefined;
    return { kind: "gap", source: "nvml", gpu: this.index, fromMs, toMs, reason };
  }
}
