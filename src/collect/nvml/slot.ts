import type { Observation } from "../../model/observation.ts";
import type { GpuInfo } from "../../model/sample.ts";
import { backoffMs, type BackoffSettings } from "../backoff.ts";
import type { DeviceReading } from "./device.ts";
import { healthOf } from "./health.ts";
import { DeviceLostError } from "./results.ts";
import type { ToldTimes } from "./told-times.ts";

/** What a slot can hold: a whole device, or a part of one that counts as a device. */
export interface SlotDevice {
  readonly info: GpuInfo;
  /**
   * @param nowMs monotonic
   * @param sinceMs utilisation samples before it no longer speak of now (Unix milliseconds)
   * @param xids driver errors of it since the last reading
   * @throws DeviceLostError when it is gone
   */
  read(atMs: number, nowMs: number, sinceMs: number, xids?: readonly number[]): DeviceReading;
  /** Gives back what the library holds for it. It can be read again afterwards. Never throws. */
  release?(): void;
}

interface Lost {
  reason: string;
  failures: number;
  retryAtMs: number;
}

export interface SlotSettings<D extends SlotDevice> {
  backoff: BackoffSettings;
  told: ToldTimes;
  /** Looks the device up anew. @throws DeviceLostError when it is not there */
  reopen(): D;
  /** Whether what is known of the one holds for the other. */
  isSame(known: D, opened: D): boolean;
}

/**
 * The place of one device: it reads the device while it answers, and tries with growing waits to get
 * it back once it is lost. Other devices do not notice.
 */
export class DeviceSlot<D extends SlotDevice> {
  device: D | undefined;
  /** Another device was found in this place: the slot is of no use any more. */
  isTaken = false;
  readonly #settings: SlotSettings<D>;
  #lost: Lost | undefined;

  constructor(settings: SlotSettings<D>, device?: D) {
    this.#settings = settings;
    this.device = device;
  }

  get lostReason(): string | undefined {
    return this.#lost?.reason;
  }

  /** Opens the device, or notes why it cannot be; nothing while it waits. @param nowMs monotonic */
  open(nowMs: number): void {
    if (this.#isWaiting(nowMs)) return;
    try {
      this.#open();
      this.#lost = undefined;
    } catch (error) {
      this.markLost(error, nowMs);
    }
  }

  /** Opens it and forgets what it did not support: it has changed. */
  renew(nowMs: number): void {
    const known = this.device;
    try {
      this.#open();
      if (this.device === known) this.#replace(this.#settings.reopen());
      this.#lost = undefined;
    } catch (error) {
      this.markLost(error, nowMs);
    }
  }

  /** Ends the wait of a lost device that has shown itself otherwise. */
  retryAtOnce(): void {
    if (this.#lost) this.#lost.retryAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Gives back what the library holds for the device, which is not read again. */
  close(): void {
    this.device?.release?.();
    this.device = undefined;
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
    const { told } = this.#settings;
    const index = this.device?.info.index;
    const lastWords = index !== undefined && xids.length > 0 ? [healthOf(atMs, index, xids)] : [];
    if (this.#lost && this.#isWaiting(nowMs)) {
      if (this.device) told.waiting(this.device.info, atMs, this.#lost.reason);
      return lastWords;
    }
    try {
      const device = this.device && !this.#lost ? this.device : this.#open();
      const { readings, processes, more } = device.read(atMs, nowMs, sinceMs, xids);
      this.#lost = undefined;
      const gap = told.reading(device.info, atMs);
      const { index: gpu } = device.info;
      return [
        ...(gap ? [gap] : []),
        { kind: "gpu", atMs, gpu, ...readings },
        ...(processes ? [{ kind: "processes" as const, atMs, gpu, list: processes }] : []),
        ...more,
      ];
    } catch (error) {
      const reason = this.markLost(error, nowMs);
      // Before a device has told who it is, nothing can be said of its time.
      const gap = this.device && told.missing(this.device.info, atMs, reason);
      return [...(gap ? [gap] : []), ...lastWords];
    }
  }

  /** @returns the reason. @throws what is not about this device alone */
  markLost(error: unknown, nowMs: number): string {
    if (!(error instanceof DeviceLostError)) throw error;
    this.device?.release?.();
    const failures = (this.#lost?.failures ?? 0) + 1;
    const retryAtMs = nowMs + backoffMs(this.#settings.backoff, failures);
    this.#lost = { reason: error.message, failures, retryAtMs };
    return error.message;
  }

  #isWaiting(nowMs: number): boolean {
    return this.#lost !== undefined && nowMs < this.#lost.retryAtMs;
  }

  #open(): D {
    const opened = this.#settings.reopen();
    const known = this.device;
    if (known && known.info.uuid !== opened.info.uuid) {
      opened.release?.();
      this.isTaken = true;
      throw new DeviceLostError(`another device answers in its place: ${opened.info.uuid}`);
    }
    // What is known of a device stays known.
    if (known && this.#settings.isSame(known, opened)) opened.release?.();
    else this.#replace(opened);
    return this.device ?? opened;
  }

  #replace(opened: D): void {
    this.device?.release?.();
    this.device = opened;
  }
}
