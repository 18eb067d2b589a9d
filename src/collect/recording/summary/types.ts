import type { GapObservation, ReadingOverhead } from "../../../model/observation.ts";
import type { GpuInfo, GpuQuantity } from "../../../model/sample.ts";
import type { SeriesPoint } from "./buckets.ts";

/** What a recording holds, in a size that does not grow with it. Texts are as the file has them. */
export interface RecordingSummary {
  node: string;
  source: string;
  /** True where any part of it says so. */
  simulated: boolean;
  intervalMs: number;
  overhead: ReadingOverhead | undefined;
  /** Of everything but the node lines; undefined where nothing else has a time. */
  fromMs: number | undefined;
  toMs: number | undefined;
  devices: DeviceSummary[];
  /** Devices beyond the number that is summarised. */
  devicesLeftOut: number;
  /** The longest, in order of time, and the number of all of them. */
  gaps: readonly GapObservation[];
  gapCount: number;
  /** Lists of processes beside the devices' own. */
  host: SightingSummary;
  collectors: readonly CollectorSummary[];
}

/** The last word of a collector, and how often it was heard. */
export interface CollectorSummary {
  name: string;
  state: string;
  detail: string;
  lines: number;
  readings: number;
  failures: number;
  drops: number;
  meanDurationMs?: number | undefined;
  maxDurationMs?: number | undefined;
}

export interface SightingSummary {
  lists: number;
  emptyLists: number;
  /** Distinct process numbers; a lower bound where `isLowerBound`. */
  pids: number;
  isLowerBound: boolean;
  /** The longest list. */
  mostAtOnce: number;
  /** Entries of processes that were gone when they were listed. */
  exited: number;
}

export interface DeviceSummary {
  gpu: GpuInfo;
  samples: number;
  firstMs: number | undefined;
  lastMs: number | undefined;
  /** Times between samples; undefined with fewer than two samples. */
  intervals: IntervalSummary | undefined;
  /** The longest holes, in order of time; the number and length of all. */
  holes: readonly Hole[];
  holeCount: number;
  holeMs: number;
  quantities: QuantitySummary[];
  processes: SightingSummary;
  buffers: readonly BufferSummary[];
  health: HealthSummary;
}

export interface IntervalSummary {
  medianMs: number;
  p5Ms: number;
  p95Ms: number;
  maxMs: number;
}

/** Two samples further apart than what a sample speaks for. */
export interface Hole {
  fromMs: number;
  toMs: number;
  /** Whether a gap line tells of it. */
  announced: boolean;
}

export interface QuantitySummary {
  quantity: GpuQuantity;
  /** How many samples carry it. */
  count: number;
  min: number;
  /** Of the samples, not of time. */
  mean: number;
  max: number;
  first: number;
  last: number;
  /** What a counter grew by, also over restarts; of `energyJoules` alone. */
  grownBy?: number | undefined;
  /** How many samples have which bit; of `clockEventReasons` alone. */
  bits?: { bit: number; count: number }[] | undefined;
  /** Only where it was asked for. */
  points?: readonly SeriesPoint[] | undefined;
}

/** The driver's buffers of one signal. */
export interface BufferSummary {
  signal: string;
  unit: string;
  lines: number;
  values: number;
  /** Mean time between two values of one buffer. */
  spacingMs: number | undefined;
  min: number | undefined;
  mean: number | undefined;
  max: number | undefined;
}

export const HEALTH_COUNTS = [
  "eccCorrected",
  "eccUncorrected",
  "pcieReplays",
  "remappedRows",
] as const;
export type HealthCount = (typeof HEALTH_COUNTS)[number];

export interface HealthSummary {
  lines: number;
  counts: Partial<Record<HealthCount, { first: number; last: number }>>;
  /** How often each code of a driver error came. */
  xids: ReadonlyMap<string, number>;
}
