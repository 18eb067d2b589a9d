import type { GapObservation } from "../../../model/observation.ts";
import {
  type DeviceHealth,
  type DriverSamples,
  GPU_QUANTITIES,
  type GpuInfo,
  type GpuQuantity,
  type GpuSample,
  type ProcessSample,
} from "../../../model/sample.ts";
import type { Window } from "../../../model/window.ts";
import { BoundedCounts, LongestStretches } from "../bounded.ts";
import { BufferTracks } from "./buffers.ts";
import { isAnnounced } from "./gap-log.ts";
import { Intervals } from "./intervals.ts";
import { QuantityTrack } from "./quantity.ts";
import { SightingTrack } from "./sightings.ts";
import {
  type DeviceSummary,
  HEALTH_COUNTS,
  type HealthSummary,
  type IntervalSummary,
} from "./types.ts";

const MAX_HOLES = 500;
const MAX_XIDS = 64;
/** As the pipeline has it: further apart than this, two samples leave time that nobody observed. */
const HOLE_INTERVALS = 3;
const MIN_HOLE_MS = 2000;

/** One device, as its lines come in. */
export class DeviceTrack {
  #gpu: GpuInfo;
  #intervalMs: number;
  readonly #charted: ReadonlySet<GpuQuantity>;
  readonly #quantities = new Map<string, QuantityTrack>();
  readonly #intervals = new Intervals();
  readonly #holes = new LongestStretches<Window>(MAX_HOLES);
  readonly #processes = new SightingTrack();
  readonly #buffers = new BufferTracks();
  readonly #health: HealthSummary = { lines: 0, counts: {}, xids: new Map() };
  readonly #xids = new BoundedCounts(MAX_XIDS);
  #samples = 0;
  #firstMs: number | undefined;
  #lastMs: number | undefined;

  /** @param charted the quantities whose course is kept */
  constructor(gpu: GpuInfo, intervalMs: number, charted: ReadonlySet<GpuQuantity>) {
    this.#gpu = gpu;
    this.#intervalMs = intervalMs;
    this.#charted = charted;
  }

  /** A later node line says it anew. */
  update(gpu: GpuInfo, intervalMs: number): void {
    this.#gpu = gpu;
    this.#intervalMs = intervalMs;
  }

  addSample(sample: GpuSample): void {
    const holeMs = Math.max(MIN_HOLE_MS, HOLE_INTERVALS * this.#intervalMs);
    const { atMs } = sample;
    this.#samples += 1;
    this.#firstMs ??= atMs;
    if (this.#lastMs !== undefined && atMs >= this.#lastMs) {
      const intervalMs = atMs - this.#lastMs;
      this.#intervals.add(intervalMs);
      if (intervalMs > holeMs) this.#holes.add({ fromMs: this.#lastMs, toMs: atMs });
    }
    this.#lastMs = Math.max(this.#lastMs ?? atMs, atMs);
    for (const quantity of GPU_QUANTITIES) {
      const value = sample[quantity];
      if (value !== undefined) this.#track(quantity).add(atMs, value, holeMs);
    }
  }

  addProcesses({ list }: ProcessSample): void {
    this.#processes.add(list);
  }

  addBuffer(samples: DriverSamples): void {
    this.#buffers.add(samples);
  }

  addHealth(health: DeviceHealth): void {
    this.#health.lines += 1;
    for (const field of HEALTH_COUNTS) {
      const count = health[field];
      if (count === undefined) continue;
      const first = this.#health.counts[field]?.first ?? count;
      this.#health.counts[field] = { first, last: count };
    }
    for (const xid of health.xids ?? []) this.#xids.add(String(xid));
  }

  summary(gaps: readonly GapObservation[]): DeviceSummary {
    const tracks = GPU_QUANTITIES.flatMap((quantity) => this.#quantities.get(quantity) ?? []);
    return {
      gpu: this.#gpu,
      samples: this.#samples,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
      intervals: this.#intervalSummary(),
      holes: this.#holes.list().map(({ fromMs, toMs }) => ({
        fromMs,
        toMs,
        announced: isAnnounced({ fromMs, toMs }, this.#gpu.index, gaps),
      })),
      holeCount: this.#holes.count,
      holeMs: this.#holes.totalMs,
      quantities: tracks.map((track) => track.summary()),
      processes: this.#processes.summary(),
      buffers: this.#buffers.summary(),
      health: { ...this.#health, xids: this.#xids.counts },
    };
  }

  #track(quantity: GpuQuantity): QuantityTrack {
    const known = this.#quantities.get(quantity);
    if (known) return known;
    const bucketMs = this.#charted.has(quantity) ? this.#intervalMs : undefined;
    const created = new QuantityTrack(quantity, bucketMs);
    this.#quantities.set(quantity, created);
    return created;
  }

  #intervalSummary(): IntervalSummary | undefined {
    const [p5Ms, medianMs, p95Ms] = this.#intervals.quantiles([0.05, 0.5, 0.95]);
    const { maxMs } = this.#intervals;
    if (p5Ms === undefined || medianMs === undefined) return undefined;
    if (p95Ms === undefined || maxMs === undefined) return undefined;
    return { medianMs, p5Ms, p95Ms, maxMs };
  }
}
