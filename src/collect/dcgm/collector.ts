import { AssayError } from "../../model/errors.ts";
import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { DeviceHealth, GpuInfo } from "../../model/sample.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { Cadence } from "./cadence.ts";
import { type DcgmDevice, devicesOf } from "./devices.ts";
import { parseExposition } from "./exposition.ts";
import { scrape } from "./scrape.ts";

export interface DcgmSettings {
  node: string;
  /** How often the exporter is asked; the devices are read as often as it reads them. */
  intervalMs: number;
  /** Of its metrics: `http://127.0.0.1:9400/metrics`. */
  url: string;
}

export interface DcgmDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

/** A period this much longer or shorter than the announced one is another. */
const OTHER_PERIOD = 1.5;

/**
 * Reads NVIDIA devices from the metrics of a dcgm-exporter. It tells no processes. A sample comes
 * when the exporter has read the devices anew, each 30 s by default: see {@link Cadence}.
 */
export function createDcgmCollector(settings: DcgmSettings, deps: DcgmDeps): Collector {
  return new DcgmCollector(settings, deps);
}

class DcgmCollector implements Collector {
  readonly name = "dcgm";
  readonly minIntervalMs: number;
  readonly #settings: DcgmSettings;
  readonly #deps: DcgmDeps;
  readonly #cadence: Cadence;
  #life: AbortController | undefined;
  /** What was told of each device so far: what is known once stays, or the node would keep changing. */
  #infos = new Map<string, GpuInfo>();
  #xids = new Map<string, number | undefined>();
  #healths = new Map<string, string>();
  #announced: { shape: string; intervalMs: number } | undefined;

  constructor(settings: DcgmSettings, deps: DcgmDeps) {
    this.#settings = settings;
    // The exporter's own rate is what counts: asking faster shows nothing sooner.
    this.minIntervalMs = settings.intervalMs;
    this.#deps = deps;
    this.#cadence = new Cadence(settings.intervalMs);
  }

  /** @throws AssayError `dcgm/scrape` where the exporter does not answer */
  async open(): Promise<OpenResult> {
    await this.close();
    const life = new AbortController();
    this.#life = life;
    const devices = await this.#read(life);
    if (devices.length === 0) {
      const reason = "the address answers, but tells of no GPU";
      const hint = "Is it the address of a dcgm-exporter, and does DCGM see the GPUs?";
      return { status: "absent", reason, hint };
    }
    this.#isNew(devices);
    for (const { info, lastXid } of devices) {
      if (!this.#xids.has(info.uuid)) this.#xids.set(info.uuid, lastXid);
    }
    const names = devices.map(({ info }) => `${info.index} ${info.model}`);
    return { status: "ready", detail: ["dcgm-exporter", ...names].join("; ") };
  }

  async collect(atMs: number): Promise<readonly Observation[]> {
    const life = this.#life;
    if (!life) throw new AssayError("dcgm/scrape", "the dcgm-exporter is not open");
    const devices = await this.#read(life);
    if (devices.length === 0) {
      throw new AssayError("dcgm/scrape", "dcgm-exporter: it tells of no GPU any more");
    }
    const isNew = this.#isNew(devices);
    if (!isNew && !this.#announced) return [];
    const xids = devices.flatMap((device) => this.#newXid(device, atMs));
    if (!isNew) return xids;
    const node = this.#nodeIfChanged(devices, atMs);
    return [
      ...(node ? [node] : []),
      ...devices.map(({ info, readings }) => ({
        kind: "gpu" as const,
        atMs,
        gpu: info.index,
        ...readings,
      })),
      ...devices.flatMap((device) => this.#healthIfChanged(device, atMs)),
      ...xids,
    ];
  }

  async close(): Promise<void> {
    this.#life?.abort();
    this.#life = undefined;
    this.#announced = undefined;
    this.#healths.clear();
    this.#infos.clear();
    this.#cadence.interrupt();
  }

  async #read({ signal }: AbortController): Promise<DcgmDevice[]> {
    const text = await scrape(this.#settings.url, signal);
    const devices = devicesOf(parseExposition(text).samples);
    return devices.map((device) => ({ ...device, info: this.#known(device.info) }));
  }

  /** @throws AssayError `dcgm/scrape` where the exporter only repeats what it once read */
  #isNew(devices: readonly DcgmDevice[]): boolean {
    const nowMs = this.#deps.monotonicMs();
    const canStandStill = devices.every(({ readings }) => readings.energyJoules === undefined);
    const shape = JSON.stringify(devices.map(({ info, readings }) => [info.uuid, readings]));
    const isNew = this.#cadence.note(shape, canStandStill, nowMs);
    const stalledMs = this.#cadence.stalledMs(canStandStill, nowMs);
    if (stalledMs === undefined) return isNew;
    const seconds = Math.round(stalledMs / 1000);
    throw new AssayError(
      "dcgm/scrape",
      `dcgm-exporter: not even an energy counter has moved for ${seconds} s`,
      { hint: "DCGM hangs: restart nv-hostengine and dcgm-exporter." },
    );
  }

  #known(info: GpuInfo): GpuInfo {
    const before = this.#infos.get(info.uuid);
    const measuredWith = { ...info.measuredWith, ...before?.measuredWith };
    const known = { ...info, ...before, index: info.index, measuredWith };
    this.#infos.set(info.uuid, known);
    return known;
  }

  #nodeIfChanged(devices: readonly DcgmDevice[], atMs: number): NodeObservation | undefined {
    const gpus = devices.map(({ info }) => info);
    const shape = JSON.stringify(gpus);
    const intervalMs = Math.round(this.#cadence.periodMs ?? this.#settings.intervalMs);
    const before = this.#announced;
    const factor = before ? intervalMs / before.intervalMs : Number.POSITIVE_INFINITY;
    const isSamePeriod = factor < OTHER_PERIOD && factor > 1 / OTHER_PERIOD;
    if (before?.shape === shape && isSamePeriod) return undefined;
    this.#announced = { shape, intervalMs };
    const { node } = this.#settings;
    return { kind: "node", atMs, node, source: "dcgm", simulated: false, intervalMs, gpus };
  }

  /** The metric holds the last error there was: only one that comes later is new. */
  #newXid({ info, lastXid }: DcgmDevice, atMs: number): DeviceHealth[] {
    const { uuid, index } = info;
    const isKnown = !this.#xids.has(uuid) || this.#xids.get(uuid) === lastXid;
    if (lastXid !== undefined || isKnown) this.#xids.set(uuid, lastXid);
    if (isKnown || lastXid === undefined || lastXid === 0) return [];
    return [{ kind: "health", atMs, gpu: index, xids: [lastXid] }];
  }

  #healthIfChanged({ info, health }: DcgmDevice, atMs: number): DeviceHealth[] {
    const shape = JSON.stringify(health);
    if (shape === "{}" || this.#healths.get(info.uuid) === shape) return [];
    this.#healths.set(info.uuid, shape);
    return [{ kind: "health", atMs, gpu: info.index, ...health }];
  }
}
