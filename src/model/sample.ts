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
  /** Nominal time between two of its readings, where it is another than the node's. */
  intervalMs?: number | undefined;
  /** By which call, file or column each quantity is read; what is not listed cannot be measured here. */
  measuredWith?: Readonly<Record<string, string>> | undefined;
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
  "hmmaActive",
  "immaActive",
  "dfmaActive",
  "encUtil",
  "decUtil",
  "jpgUtil",
  "ofaUtil",
] as const;

export type GpuQuantity = (typeof GPU_QUANTITIES)[number];

export type GpuReadings = { [K in GpuQuantity]?: number | undefined };

/** One reading of one device. */
export interface GpuSample extends GpuReadings {
  kind: "gpu";
  atMs: number;
  gpu: number;
}

/** A process above another one in its tree: what it came from. Strings are the observed user's. */
export interface Ancestor {
  pid: number;
  /** Unix milliseconds. */
  startTimeMs?: number | undefined;
  comm?: string | undefined;
  exe?: string | undefined;
  /** The first argument, which a program may set as it likes: `slurmstepd: [4711.0]`, `ray::Worker`. */
  title?: string | undefined;
  user?: string | undefined;
}

/** A process, as far as the collectors could see it. Strings come from the observed user: hostile. */
export interface ProcessSighting {
  pid: number;
  ppid?: number | undefined;
  /** What it descends from, nearest first; absent where nothing looked. */
  lineage?: readonly Ancestor[] | undefined;
  /** Of the account that runs it; `user` is its name. */
  uid?: number | undefined;
  /** Who logged in: the kernel's audit id keeps it through sudo and su. */
  loginUser?: string | undefined;
  /** Has a GPU's device file open. */
  holdsDevice?: boolean | undefined;
  /** Libraries of GPU frameworks and drivers that are mapped, by their short names: `cudart`, `torch`. */
  mapped?: readonly string[] | undefined;
  /** Unix milliseconds; with `pid` it names one process for good, since pids are reused. */
  startTimeMs?: number | undefined;
  smUtil?: number | undefined;
  memUtil?: number | undefined;
  memUsedBytes?: number | undefined;
  encUtil?: number | undefined;
  decUtil?: number | undefined;
  /** It used the device since the list before and is gone: only the driver's books still know it. */
  exited?: boolean | undefined;
  /** The driver names it, and the host, all of whose processes are shown, has none of that number. */
  unlisted?: boolean | undefined;
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
  /** Not all processes of the host can be seen from where was looked: nobody missing in it is hidden. */
  partial?: boolean | undefined;
  list: readonly ProcessSighting[];
}

/** Other processes of the trees that hold a device: they hold no GPU themselves. */
export interface HostSample {
  kind: "host";
  atMs: number;
  list: readonly ProcessSighting[];
}

/** One outbound connection, or a socket that waits for some. Addresses are the kernel's words. */
export interface SocketSighting {
  pid: number;
  protocol: string;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  remotePort: number;
  /** As Linux names it: `ESTABLISHED`, `SYN_SENT`, `LISTEN`, … */
  state: string;
  /** Only where the host knew it already: nothing is ever looked up. */
  remoteName?: string | undefined;
  bytesSent?: number | undefined;
  bytesReceived?: number | undefined;
  /** Unix milliseconds of the scan that saw it first. */
  firstSeenMs?: number | undefined;
}

/** Connections of the process trees that hold a device. An empty list is a finding. */
export interface SocketSample {
  kind: "sockets";
  atMs: number;
  list: readonly SocketSighting[];
}

/**
 * The label of what a user's own engine says, with the user's number: it is that user's word, and
 * tells of no container but theirs.
 */
export const ENGINE_USER_LABEL = "gpu-assay.uid";

/** What a scheduler or an engine says of one of its jobs, pods or containers. */
export interface RegistryEntry {
  /** Devices it was given, by uuid or by the node's index as text. */
  gpus?: readonly string[] | undefined;
  container?:
    | { id?: string | undefined; name?: string | undefined; image?: string | undefined }
    | undefined;
  pod?:
    | { namespace: string; name: string; uid?: string | undefined; container?: string | undefined }
    | undefined;
  job?:
    | {
        scheduler: string;
        id: string;
        user?: string | undefined;
        uid?: number | undefined;
        account?: string | undefined;
        partition?: string | undefined;
        name?: string | undefined;
      }
    | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
}

/** All that one such source says at a moment: it replaces what the source said before. */
export interface RegistrySample {
  kind: "registry";
  atMs: number;
  /** `kubelet`, `docker`, `podman`, `containerd`, `prolog`. */
  source: string;
  entries: readonly RegistryEntry[];
}

/**
 * The driver's own buffer of one signal (`power`, `gpuUtil`, `memUtil`, `smClock`, `memClock`) since
 * it was last read: finer structure than one reading a tick. `offsetsMs` count from `fromMs`, ascending; `values` has the same length, in `unit`.
 */
export interface DriverSamples {
  kind: "samples";
  atMs: number;
  gpu: number;
  signal: string;
  unit: string;
  fromMs: number;
  offsetsMs: readonly number[];
  values: readonly number[];
}

/** The health of a device: counts since its driver was loaded, and codes since the last reading. */
export interface DeviceHealth {
  kind: "health";
  atMs: number;
  gpu: number;
  eccCorrected?: number | undefined;
  eccUncorrected?: number | undefined;
  pcieReplays?: number | undefined;
  remappedRows?: number | undefined;
  /** NVIDIA's codes of driver errors, oldest first. */
  xids?: readonly number[] | undefined;
}

/** One kernel of a process, counted over a short window. Names come from the observed user: hostile. */
export interface KernelLaunches {
  name?: string | undefined;
  /** The entry point it was launched through, or the kernel's own where that is all there is. */
  entry?: string | undefined;
  count?: number | undefined;
  grid?: readonly number[] | undefined;
  block?: readonly number[] | undefined;
  /** Of all of them together. */
  durationSeconds?: number | undefined;
}

/** Kernel launches of one process in a short window that ended at `atMs`. */
export interface LaunchSample {
  kind: "launches";
  atMs: number;
  windowSeconds?: number | undefined;
  pid: number;
  list: readonly KernelLaunches[];
  rhythm?: LaunchRhythm | undefined;
}

/** How launches followed each other: their number in each of equal stretches, oldest first. */
export interface LaunchRhythm {
  bucketSeconds: number;
  counts: readonly number[];
}
