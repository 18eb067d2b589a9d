import type { GapObservation, Observation } from "../../model/observation.ts";
import { isAsleep, isThere } from "./cards.ts";
import type { DrmDevice } from "./device.ts";

/** A card that is gone is looked for this often. */
const RETRY_MS = 5000;

/** What a card brought at a tick. */
export type SlotReading =
  | { state: "awake"; before: readonly GapObservation[]; sample: GpuReading }
  | { state: "asleep"; observations: readonly Observation[] }
  | { state: "lost"; observations: readonly Observation[] };

type GpuReading = Extract<Observation, { kind: "gpu" }>;

/** The place of one card among the devices, with its lost stretches. Other cards do not notice. */
export class DrmSlot {
  readonly index: number;
  readonly device: DrmDevice;
  #lost: { reason: string; retryAtMs: number } | undefined;
  /** Up to where this card's time is told (Unix milliseconds). */
  #toldToMs: number | undefined;

  constructor(index: number, device: DrmDevice) {
    this.index = index;
    this.device = device;
  }

  /** @param nowMs monotonic */
  read(atMs: number, nowMs: number): SlotReading {
    const { device, index: gpu } = this;
    if (this.#lost && nowMs < this.#lost.retryAtMs) return { state: "lost", observations: [] };
    this.#toldToMs ??= atMs;
    if (isAsleep(device.card)) {
      // A suspended card runs nothing, and reading anything else of it would wake it.
      const gaps = this.#recover(atMs);
      return { state: "asleep", observations: [...gaps, { kind: "gpu", atMs, gpu, gpuUtil: 0 }] };
    }
    // A card that comes back may have its sensors under other numbers.
    if (!device.isSurveyed || this.#lost) device.survey();
    const readings = device.read();
    if (!readings) return { state: "lost", observations: this.#lose(atMs, nowMs) };
    const before = this.#recover(atMs);
    return { state: "awake", before, sample: { kind: "gpu", atMs, gpu, ...readings } };
  }

  /** The last word on a card that has left the node: its time is missing up to now. */
  leave(atMs: number): GapObservation[] {
    return this.#lost ? this.#gap(atMs, this.#lost.reason) : [];
  }

  #lose(atMs: number, nowMs: number): GapObservation[] {
    const reason = isThere(this.device.card)
      ? "none of the card's files can be read"
      : "the card is gone from sysfs";
    this.#lost = { reason, retryAtMs: nowMs + RETRY_MS };
    return this.#gap(atMs, reason);
  }

  #recover(atMs: number): GapObservation[] {
    const gaps = this.#lost ? this.#gap(atMs, this.#lost.reason) : [];
    this.#lost = undefined;
    this.#toldToMs = atMs;
    return gaps;
  }

  #gap(toMs: number, reason: string): GapObservation[] {
    const fromMs = this.#toldToMs ?? toMs;
    this.#toldToMs = toMs;
    if (fromMs >= toMs) return [];
    return [{ kind: "gap", source: "drm", gpu: this.index, fromMs, toMs, reason }];
  }
}
