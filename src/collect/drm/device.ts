import { join } from "node:path";
import type { GpuInfo, GpuQuantity, GpuReadings } from "../../model/sample.ts";
import { isThere, type Card } from "./cards.ts";
import { namesLike, readBytes, readText } from "./files.ts";
import { parseCount, parseMetricsEnergy, parsePowerLimitWatts } from "./parse.ts";
import { POWER_LIMITS, SOURCES, type Source } from "./sources.ts";

/** A page, the most that a file of sysfs holds. */
const METRICS_BYTES = 4096;

/** What a card offers, found out by trying every file once. */
interface Offer {
  files: ReadonlyMap<GpuQuantity, { path: string; source: Source }>;
  metrics: boolean;
}

/** Reads the files of one card. A file that fails is a quantity that was not measured. */
export class DrmDevice {
  readonly card: Card;
  #offer: Offer | undefined;
  #measuredWith: Record<string, string> = {};
  #memoryTotalBytes: number | undefined;
  #powerLimitWatts: number | undefined;

  constructor(card: Card) {
    this.card = card;
  }

  /**
   * Tries every file: not while the card sleeps, since that wakes it. A file that was once good stays
   * chosen while it fails for a moment.
   */
  survey(): void {
    const { card } = this;
    const hwmon = hwmonOf(card);
    const roots = { card: card.cardPath, device: card.devicePath, hwmon };
    const files = new Map<GpuQuantity, { path: string; source: Source }>(this.#offer?.files);
    const done = new Set<GpuQuantity>();
    for (const source of SOURCES[card.driver]) {
      const { quantity, at, file } = source;
      const root = roots[at];
      if (root === undefined || done.has(quantity)) continue;
      const path = join(root, file);
      const isChosen = files.get(quantity)?.path === path;
      if (!isChosen && source.parse(readText(path) ?? "") === undefined) continue;
      files.set(quantity, { path, source });
      done.add(quantity);
      this.noteMeasured(quantity, at === "hwmon" ? `hwmon/${file}` : file);
    }
    const energy = this.#metricsEnergy();
    if (energy) this.noteMeasured("energyJoules", `gpu_metrics ${energy.revision}`);
    this.#offer = { files, metrics: energy !== undefined || this.#offer?.metrics === true };
    this.#surveyLimits(hwmon);
  }

  get isSurveyed(): boolean {
    return this.#offer !== undefined;
  }

  noteMeasured(quantity: GpuQuantity, how: string): void {
    this.#measuredWith[quantity] ??= how;
  }

  /** Undefined where the card is gone, or answers nothing of what it once offered. */
  read(): GpuReadings | undefined {
    const readings: GpuReadings = {};
    let answered = 0;
    for (const [quantity, { path, source }] of this.#offer?.files ?? []) {
      const text = readText(path);
      if (text === undefined) continue;
      answered += 1;
      const value = source.parse(text);
      if (value !== undefined) readings[quantity] = value;
    }
    if (this.#offer?.metrics) {
      const joules = this.#metricsEnergy()?.joules;
      if (joules !== undefined) [readings.energyJoules, answered] = [joules, answered + 1];
    }
    const offersNothing = !this.#offer?.metrics && (this.#offer?.files.size ?? 0) === 0;
    return answered > 0 || (offersNothing && isThere(this.card)) ? readings : undefined;
  }

  info(index: number): GpuInfo {
    const { uuid, model, slot, driverVersion } = this.card;
    return {
      index,
      uuid,
      model,
      pciBusId: slot,
      ...(this.#memoryTotalBytes !== undefined && { memoryTotalBytes: this.#memoryTotalBytes }),
      ...(this.#powerLimitWatts !== undefined && { powerLimitWatts: this.#powerLimitWatts }),
      ...(driverVersion !== undefined && { driverVersion }),
      ...(Object.keys(this.#measuredWith).length > 0 && {
        measuredWith: { ...this.#measuredWith },
      }),
    };
  }

  #surveyLimits(hwmon: string | undefined): void {
    const { driver, devicePath } = this.card;
    const total = parseCount(readText(join(devicePath, "mem_info_vram_total")) ?? "");
    if (driver === "amdgpu" && total !== undefined && total > 0) this.#memoryTotalBytes = total;
    if (hwmon === undefined) return;
    for (const file of POWER_LIMITS[driver]) {
      const watts = parsePowerLimitWatts(readText(join(hwmon, file)) ?? "");
      if (watts === undefined) continue;
      this.#powerLimitWatts = watts;
      return;
    }
  }

  #metricsEnergy(): { joules: number; revision: string } | undefined {
    if (this.card.driver !== "amdgpu") return undefined;
    const table = readBytes(join(this.card.devicePath, "gpu_metrics"), METRICS_BYTES);
    return table && parseMetricsEnergy(table);
  }
}

/** The sensors of the card as a whole bear the driver's name; others speak of parts of it. */
function hwmonOf({ devicePath, driver }: Card): string | undefined {
  const root = join(devicePath, "hwmon");
  const name = namesLike(root, /^hwmon\d+$/).find(
    (candidate) => readText(join(root, candidate, "name"))?.trim() === driver,
  );
  return name === undefined ? undefined : join(root, name);
}
