/** A device as its source describes it. `index` is the source's, `uuid` is what the ledger keys on. */
export interface GpuInfo {
  index: number;
  uuid: string;
  model: string;
  memoryTotalBytes?: number | undefined;
  powerLimitWatts?: number | undefined;
  pciBusId?: string | undefined;
  driverVersion?: string | undefined;
  parentUuid?: string | undefined;
  migProfile?: string | undefined;
}

/**
 * The measured quantities of a device, by the names of recording format 1.
 * Ratios are 0..1. A quantity that was not measured is absent, never 0.
 */
export const GPU_QUANTITIES = [
  "gpuUtil",
  "memUtil",
  "memUsedBytes",
  "powerWatts",
  "energyJoules",
  "tempC",
  "smClockMHz",
  "memClockMHz",
  "clockEventReasons",
  "pcieTxBytesPerSec",
  "pcieRxBytesPerSec",
  "nvlinkTxBytesPerSec",
  "nvlinkRxBytesPerSec",
  "smActive",
  "smOccupancy",
  "tensorActive",
  "dramActive",
  "intActive",
  "fp64Active",
  "fp32Active",
  "fp16Active",
] as const;

export type GpuQuantity = (typeof GPU_QUANTITIES)[number];

export type GpuReadings = { [K in GpuQuantity]?: number | undefined };

/** One reading of one device. */
export interface GpuSample extends GpuReadings {
  kind: "gpu";
  atMs: number;
  gpu: number;
}

/** A process, as far as the collectors could see it. Strings come from the observed user: hostile. */
export interface ProcessSighting {
  pid: number;
  ppid?: number | undefined;
  /** Unix milliseconds; with `pid` it names one process for good, since pids are reused. */
  startTimeMs?: number | undefined;
  smUtil?: number | undefined;
  memUtil?: number | undefined;
  memUsedBytes?: number | undefined;
  comm?: string | undefined;
  exe?: string | undefined;
  argv?: readonly string[] | undefined;
  user?: string | undefined;
  cgroup?: string | undefined;
  environ?: Readonly<Record<string, string>> | undefined;
}

/** Who is on a device. An empty list is a finding: the collector worked and saw nobody. */
export interface ProcessSample {
  kind: "processes";
  atMs: number;
  gpu: number;
  list: readonly ProcessSighting[];
}

/** Other processes of the trees that hold a device: they hold no GPU themselves. */
export interface HostSample {
  kind: "host";
  atMs: number;
  list: readonly ProcessSighting[];
}
