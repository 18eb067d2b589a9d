import {
  GPU_QUANTITIES,
  type GpuInfo,
  type GpuQuantity,
  type GpuReadings,
} from "../../model/sample.ts";
import { LIMITS, plausible } from "../limits.ts";

/** How long a quantity's source must be silent before another one takes its place in the table. */
const SILENT_MS = 60_000;

/**
 * What one reading of a device brings together, with the call that each quantity came from. Where two
 * calls tell the same quantity the first one added counts; what cannot be true is left out.
 */
export class Readings {
  readonly #values: GpuReadings = {};
  readonly #sources = new Map<GpuQuantity, string>();

  add(quantity: GpuQuantity, value: number | undefined, source: string): void {
    if (value === undefined || this.#sources.has(quantity)) return;
    const limit = LIMITS.get(quantity);
    const believed = limit ? plausible(limit, value) : value;
    if (believed === undefined) return;
    this.#values[quantity] = believed;
    this.#sources.set(quantity, source);
  }

  /** Profiling counters, each by its metric. */
  addAll(values: GpuReadings, sourceOf: (quantity: GpuQuantity) => string | undefined): void {
    for (const quantity of GPU_QUANTITIES)
      this.add(quantity, values[quantity], sourceOf(quantity) ?? "GPM");
  }

  get values(): GpuReadings {
    return this.#values;
  }

  get sources(): ReadonlyMap<GpuQuantity, string> {
    return this.#sources;
  }
}

/**
 * By which call each quantity of a device is read. It holds still: a quantity keeps its source while
 * that fails, and changes it only once the old source has been silent for a minute.
 */
export class SourceTable {
  readonly #held = new Map<GpuQuantity, { source: string; answeredAtMs: number }>();

  /**
   * @param nowMs monotonic
   * @returns whether the table has changed
   */
  note(sources: ReadonlyMap<GpuQuantity, string>, nowMs: number): boolean {
    let changed = false;
    for (const [quantity, source] of sources) {
      const held = this.#held.get(quantity);
      if (held && held.source !== source && nowMs - held.answeredAtMs < SILENT_MS) continue;
      changed ||= held?.source !== source;
      this.#held.set(quantity, { source, answeredAtMs: nowMs });
    }
    return changed;
  }

  get table(): NonNullable<GpuInfo["measuredWith"]> {
    const entries = GPU_QUANTITIES.flatMap((quantity) => {
      const held = this.#held.get(quantity);
      return held ? [[quantity, held.source] as const] : [];
    });
    return Object.fromEntries(entries);
  }
}
