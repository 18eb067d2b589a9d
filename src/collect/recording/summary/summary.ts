import type {
  CollectorObservation,
  NodeObservation,
  Observation,
} from "../../../model/observation.ts";
import type { GpuQuantity } from "../../../model/sample.ts";
import { DeviceTrack } from "./device.ts";
import { GapLog } from "./gap-log.ts";
import { SightingTrack } from "./sightings.ts";
import type { CollectorSummary, RecordingSummary } from "./types.ts";

const MAX_DEVICES = 128;
/** Devices that are counted as left out; a file that invents more is no file to be exact about. */
const MAX_LEFT_OUT = 100_000;
const MAX_GAPS = 500;
const MAX_COLLECTORS = 64;

/**
 * Sums up a recording as it is read, in memory that does not grow with its length: distributions
 * and series are kept in a fixed number of steps, lists are cut to their longest entries and counted.
 */
export class RecordingSummarizer {
  readonly #charted: ReadonlySet<GpuQuantity>;
  readonly #byUuid = new Map<string, DeviceTrack>();
  readonly #byIndex = new Map<number, DeviceTrack>();
  readonly #leftOut = new Set<string>();
  readonly #gaps = new GapLog(MAX_GAPS);
  readonly #host = new SightingTrack();
  readonly #collectors = new Map<string, CollectorSummary>();
  #node: NodeObservation | undefined;
  #simulated = false;
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;

  /** @param charted the quantities whose course is kept for pictures */
  constructor(charted: ReadonlySet<GpuQuantity>) {
    this.#charted = charted;
  }

  /** The observations of one recording, in the order of the file. */
  add(observation: Observation): void {
    if (observation.kind === "node") {
      this.#addNode(observation);
      return;
    }
    if (observation.kind === "gap") {
      this.#gaps.add(observation);
      this.#span(observation.fromMs);
      this.#span(observation.toMs);
      return;
    }
    this.#span(observation.atMs);
    if (observation.kind === "host") this.#host.add(observation.list);
    else if (observation.kind === "collector") this.#addCollector(observation);
    else if (observation.kind !== "tick") this.#addToDevice(observation);
  }

  /** @throws Error before the first node */
  finish(): RecordingSummary {
    const node = this.#node;
    if (!node) throw new Error("a recording without its node has no summary");
    const { gaps, count: gapCount } = this.#gaps.finish();
    const hasSpan = this.#fromMs <= this.#toMs;
    return {
      node: node.node,
      source: node.source,
      simulated: this.#simulated,
      intervalMs: node.intervalMs,
      overhead: node.overhead,
      fromMs: hasSpan ? this.#fromMs : undefined,
      toMs: hasSpan ? this.#toMs : undefined,
      devices: [...this.#byUuid.values()].map((track) => track.summary(gaps)),
      devicesLeftOut: this.#leftOut.size,
      gaps,
      gapCount,
      host: this.#host.summary(),
      collectors: [...this.#collectors.values()],
    };
  }

  #addToDevice(observation: Exclude<Observation, { kind: "node" | "gap" | "host" }>): void {
    const device = "gpu" in observation ? this.#byIndex.get(observation.gpu) : undefined;
    switch (observation.kind) {
      case "gpu":
        return device?.addSample(observation);
      case "processes":
        return device?.addProcesses(observation);
      case "samples":
        return device?.addBuffer(observation);
      case "health":
        return device?.addHealth(observation);
      default:
    }
  }

  /** The header's word on the node holds; a later line may change devices and interval. */
  #addNode(node: NodeObservation): void {
    this.#node = this.#node ? { ...this.#node, intervalMs: node.intervalMs } : node;
    this.#simulated ||= node.simulated;
    this.#byIndex.clear();
    for (const gpu of node.gpus) {
      const known = this.#byUuid.get(gpu.uuid);
      known?.update(gpu, node.intervalMs);
      const track = known ?? new DeviceTrack(gpu, node.intervalMs, this.#charted);
      if (!known && this.#byUuid.size >= MAX_DEVICES) {
        if (this.#leftOut.size < MAX_LEFT_OUT) this.#leftOut.add(gpu.uuid);
        continue;
      }
      this.#byUuid.set(gpu.uuid, track);
      this.#byIndex.set(gpu.index, track);
    }
  }

  #addCollector(line: CollectorObservation): void {
    const { kind: _, atMs: __, ...fields } = line;
    const before = this.#collectors.get(line.name);
    if (!before && this.#collectors.size >= MAX_COLLECTORS) return;
    this.#collectors.set(line.name, { ...fields, lines: (before?.lines ?? 0) + 1 });
  }

  #span(atMs: number): void {
    this.#fromMs = Math.min(this.#fromMs, atMs);
    this.#toMs = Math.max(this.#toMs, atMs);
  }
}
