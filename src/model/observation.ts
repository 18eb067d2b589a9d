import type {
  DeviceHealth,
  DriverSamples,
  GpuInfo,
  GpuSample,
  HostSample,
  ProcessSample,
} from "./sample.ts";

/** Says which node and devices the following observations speak of. Comes first; again on change. */
export interface NodeObservation {
  kind: "node";
  atMs?: number | undefined;
  node: string;
  /** What measures: `nvml`, `nvidia-smi`, `dcgm`, `simulated`, … */
  source: string;
  /** True where no real device was measured. It follows the data to every place it shows. */
  simulated: boolean;
  intervalMs: number;
  gpus: readonly GpuInfo[];
  /** What a reading costs, measured before the first one that was recorded. */
  overhead?: ReadingOverhead | undefined;
}

/** What the collectors' readings cost the node. */
export interface ReadingOverhead {
  readings: number;
  meanMs: number;
  maxMs: number;
  /** Processor time of the whole agent a reading, all its threads. */
  cpuMs?: number | undefined;
}

/** What a collector says of itself, from time to time: for those who later judge its figures. */
export interface CollectorObservation {
  kind: "collector";
  atMs: number;
  name: string;
  state: string;
  detail: string;
  readings: number;
  failures: number;
  drops: number;
  meanDurationMs?: number | undefined;
  maxDurationMs?: number | undefined;
}

/** A stretch nobody measured, with the reason. */
export interface GapObservation {
  kind: "gap";
  source: string;
  gpu?: number | undefined;
  fromMs: number;
  toMs: number;
  reason: string;
}

/** Time has reached `atMs`: lets windows close when a source falls silent. */
export interface TickObservation {
  kind: "tick";
  atMs: number;
}

/** One run of a reference kernel by the agent itself. */
export interface ProbeObservation {
  kind: "probe";
  atMs: number;
  gpu: number;
  kernel: string;
  durationSeconds: number;
  queueSeconds?: number | undefined;
  work: number;
  baselineSeconds?: number | undefined;
}

/** What a collector, live or replayed, puts on the line. */
export type Observation =
  | NodeObservation
  | GpuSample
  | ProcessSample
  | HostSample
  | DriverSamples
  | DeviceHealth
  | CollectorObservation
  | GapObservation
  | ProbeObservation
  | TickObservation;

/** A live node and a recording look the same from here on. */
export type ObservationSource = AsyncIterable<Observation>;
