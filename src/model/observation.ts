import type {
  DeviceHealth,
  DriverSamples,
  GpuInfo,
  GpuSample,
  HostSample,
  LaunchSample,
  ProcessSample,
  RegistrySample,
  SocketSample,
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

/** What a probe asks of the device: arithmetic alone, memory in sequence, or scattered memory. */
export const PROBE_RESOURCES = ["alu", "memory", "gather"] as const;
export type ProbeResource = (typeof PROBE_RESOURCES)[number];

/** One run of a reference kernel by the agent itself: a few passes in one submission. */
export interface ProbeObservation {
  kind: "probe";
  /** When it ended. */
  atMs: number;
  gpu: number;
  kernel: string;
  /** What it took of the device: all passes by the device's clock, else the host's whole wait. */
  durationSeconds: number;
  /** Waited for the device beyond what the same wait takes when it is idle. */
  queueSeconds?: number | undefined;
  work: number;
  /** `durationSeconds` of the same run on the idle device. */
  baselineSeconds?: number | undefined;
  resource?: ProbeResource | undefined;
  /** Whose clock `durationSeconds` is of. */
  timing?: "timestamp" | "wall" | undefined;
  /** From submission to result by the host's clock. */
  wallSeconds?: number | undefined;
  passes?: number | undefined;
  /** Between the passes: time that the device gave to others, or to nobody. */
  gapSeconds?: number | undefined;
  /** The first pass over the median of those after it. */
  firstPassRatio?: number | undefined;
  /** Of the passes, and of the same on the idle device. */
  fastestPassSeconds?: number | undefined;
  baselinePassSeconds?: number | undefined;
  /** Of the process that holds the device for the agent. */
  pid?: number | undefined;
}

/**
 * What an agent, a job or a service said it did: a run, an episode or a call of a tool. Declared by
 * whoever sent it: it explains, and moves no label. Strings are bounded but otherwise as they came.
 */
export interface RunContext {
  /** Unix milliseconds by the sender's clock, corrected by `skewMs` where that could be told. */
  fromMs: number;
  /** Absent while it runs, or where nobody said. */
  toMs?: number | undefined;
  service?: string | undefined;
  /** Which agent or model acted, where several share a service. */
  agent?: string | undefined;
  run?: string | undefined;
  episode?: string | undefined;
  session?: string | undefined;
  tool?: string | undefined;
  /** Of the tool call. */
  arguments?: string | undefined;
  container?: string | undefined;
  image?: string | undefined;
  host?: string | undefined;
  pids?: readonly number[] | undefined;
  /** Span or record it came as, so that a later word on it (its end) finds it. */
  id?: string | undefined;
  /** What the sender's clock was ahead by, as far as it could be estimated. */
  skewMs?: number | undefined;
}

/** One word on a run's context; a later one with the same `id` replaces it. */
export interface ContextObservation extends RunContext {
  kind: "context";
  /** When it was received, by this node's clock. */
  atMs: number;
}

/** What a collector, live or replayed, puts on the line. */
export type Observation =
  | NodeObservation
  | GpuSample
  | ProcessSample
  | HostSample
  | LaunchSample
  | SocketSample
  | RegistrySample
  | ContextObservation
  | DriverSamples
  | DeviceHealth
  | CollectorObservation
  | GapObservation
  | ProbeObservation
  | TickObservation;

/** A live node and a recording look the same from here on. */
export type ObservationSource = AsyncIterable<Observation>;
