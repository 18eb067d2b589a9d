import type { GapObservation } from "../../model/observation.ts";
import type { GpuInfo } from "../../model/sample.ts";

interface Told {
  toMs: number;
  /** Why the time since then is missing, once it is. */
  missing: string | undefined;
}

/** Instances come and go with new UUIDs: those not heard of for longest are forgotten beyond this. */
const MAX_DEVICES = 1024;

/**
 * Up to where the time of each device is told, as readings or as gaps (Unix milliseconds). It goes by
 * the UUID, so that a device keeps its account when it is lost, moves to another index or comes back.
 */
export class ToldTimes {
  readonly #byUuid = new Map<string, Told>();

  /** A reading of `atMs`. @returns the gap before it, if time was missing */
  reading(gpu: GpuInfo, atMs: number): GapObservation | undefined {
    const before = this.#take(gpu.uuid, atMs, undefined);
    return before?.missing === undefined
      ? undefined
      : gapOf(gpu, before.toMs, atMs, before.missing);
  }

  /** No reading at `atMs`. @returns the stretch up to it as a gap */
  missing(gpu: GpuInfo, atMs: number, reason: string): GapObservation | undefined {
    const before = this.#take(gpu.uuid, atMs, reason);
    return before && gapOf(gpu, before.toMs, atMs, reason);
  }

  /** The device is not asked at the moment: the stretch is told once it is. */
  waiting(gpu: GpuInfo, atMs: number, reason: string): void {
    const known = this.#byUuid.get(gpu.uuid);
    if (known) known.missing = reason;
    else this.#take(gpu.uuid, atMs, reason);
  }

  /** The device is no more, and what comes after is nobody's missing time. */
  forget(uuid: string): void {
    this.#byUuid.delete(uuid);
  }

  /** The state before, which that of `toMs` replaces; undefined where the device was not known. */
  #take(uuid: string, toMs: number, missing: string | undefined): Told | undefined {
    const before = this.#byUuid.get(uuid);
    this.#byUuid.delete(uuid);
    this.#byUuid.set(uuid, { toMs, missing });
    for (const oldest of this.#byUuid.keys()) {
      if (this.#byUuid.size <= MAX_DEVICES) break;
      this.#byUuid.delete(oldest);
    }
    return before;
  }
}

function gapOf(
  { index }: GpuInfo,
  fromMs: number,
  toMs: number,
  reason: string,
): GapObservation | undefined {
  if (fromMs >= toMs) return undefined;
  return { kind: "gap", source: "nvml", gpu: index, fromMs, toMs, reason };
}
