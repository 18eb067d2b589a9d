import type { Collector, CollectorHealth } from "../collect/contract.ts";
import { DeviceDirectory, type DuplicateDevice } from "../collect/directory.ts";
import { CollectorHarness } from "../collect/harness.ts";
import type { HarnessEvent } from "../collect/harness-types.ts";
import { liveSource } from "../collect/live.ts";
import { withFallback } from "../collect/fallback.ts";
import { createDcgmCollector } from "../collect/dcgm/collector.ts";
import { createThreadedDrmCollector } from "../collect/drm/thread.ts";
import { HolderBoard, withBoard } from "../collect/host/board.ts";
import { createThreadedHostCollector } from "../collect/host/thread.ts";
import { createNvidiaSmiCollector } from "../collect/nvidia-smi/collector.ts";
import { createProcessReader } from "../collect/processes/reader.ts";
import { withProcessNames } from "../collect/processes/naming.ts";
import { createNvmlCollector } from "../collect/nvml/collector.ts";
import { RateController, type RateSettings, type RateStatus } from "../collect/rate.ts";
import { RecordingReader } from "../collect/recording/read.ts";
import { replaySource } from "../collect/recording/replay.ts";
import type { Notice } from "../collect/thread/protocol.ts";
import type { RecordingWarning } from "../collect/recording/warnings.ts";
import { type Config, durationMs } from "../config/schema.ts";
import { type ContextReceiver, contextCollectorsOf, receiverOf } from "./context.ts";
import { launchCollectors, tellDoubt } from "./launches.ts";
import { nodeName } from "./node-name.ts";
import { registriesOf } from "./registries.ts";
import type { ObservationSource } from "../model/observation.ts";

/** Where observations come from: a live node or a recording; all the same from here on. */
export interface OpenedSource {
  observations: ObservationSource;
  /** For people: `NVML, 2 GPUs …`, `recording demo.ndjson.gz at 60 times its speed`. */
  description: string;
  isLive: boolean;
  health: () => CollectorHealth[];
  warnings: () => RecordingWarning[];
  /** Of a live source that may be sampled faster for a while. */
  rate?: RateController | undefined;
  /** The collector that measures a device of a live source. */
  collectorOf?: ((gpuUuid: string) => string | undefined) | undefined;
  /** Takes run context that is sent to a live node. */
  contextReceiver?: ContextReceiver | undefined;
  /** A label is in doubt: whoever looks closer only then may do so. */
  doubted?: (() => void) | undefined;
}

export interface SourceDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  signal: AbortSignal;
  onEvent: (event: HarnessEvent) => void;
  /** Two collectors see one device: told once. */
  onDuplicate?: ((duplicate: DuplicateDevice) => void) | undefined;
  /** Which of the driver's buffers are read: all by default, as a recorder wants them. */
  signals?: readonly string[] | undefined;
  /** Something to know about a source that works. */
  onNotice?: ((source: string, notice: Notice) => void) | undefined;
  /** The interval has changed. Without it the interval never does. */
  onRate?: ((status: RateStatus) => void) | undefined;
}

/** Waking every GPU of a node takes a driver seconds. */
const OPEN_WAIT_MS = 15_000;

type CollectorDeps = Pick<SourceDeps, "monotonicMs" | "nowMs" | "onNotice" | "signals">;

/** What every source is told. */
interface Common {
  node: string;
  intervalMs: number;
}

/**
 * The collectors that the configuration has, the preferred one first: of a device that two of them
 * see, the first one's readings count.
 */
export function collectorsOf(config: Config, deps: CollectorDeps): Collector[] {
  const { nvml, dcgm, drm, sysRoot, procRoot } = config.collect;
  const common = { node: nodeName(config), intervalMs: durationMs(config.collect.interval) };
  const all = [
    nvml.enabled && nvidiaCollector(config, common, deps),
    dcgm.url !== undefined && createDcgmCollector({ ...common, url: dcgm.url }, deps),
    drm.enabled && createThreadedDrmCollector({ ...common, sysRoot, procRoot }, deps),
  ];
  return all.filter((each) => each !== false);
}

/** Through the driver's library; through its `nvidia-smi` where that cannot be loaded. */
function nvidiaCollector(config: Config, common: Common, deps: CollectorDeps): Collector {
  const { nvml, nvidiaSmi, procRoot, pids } = config.collect;
  const { monotonicMs, onNotice } = deps;
  const library = createNvmlCollector(
    { ...common, library: nvml.library, procRoot, pids, signals: deps.signals },
    { monotonicMs, onNotice: (notice) => onNotice?.("nvml", notice) },
  );
  if (!nvidiaSmi.enabled) return library;
  const program = createNvidiaSmiCollector({ ...common, path: nvidiaSmi.path }, deps);
  const processes = createProcessReader({ procRoot, pids }, deps);
  return withFallback(library, withProcessNames(program, processes), deps);
}

/** What is seen beside the devices. Without a device these alone are no reason to stay. */
export function companionsOf(config: Config, deps: CollectorDeps, board: HolderBoard): Collector[] {
  const { host, procRoot } = config.collect;
  const { sockets, interval } = host;
  const settings = { procRoot, sockets, intervalMs: durationMs(interval) };
  const scan = host.enabled && createThreadedHostCollector(settings, { ...deps, board });
  const others = [
    ...registriesOf(config, deps),
    ...contextCollectorsOf(config, deps),
    ...launchCollectors(config, deps),
  ];
  return scan ? [...others, scan] : others;
}

/** The node's own GPUs; or why there are none, which is normal. */
export async function openLiveSource(
  config: Config,
  deps: SourceDeps,
): Promise<{ source: OpenedSource; isPresent: boolean; reason: string }> {
  const { nowMs, monotonicMs, sleep, signal, onEvent, onDuplicate, onRate } = deps;
  const intervalMs = durationMs(config.collect.interval);
  const board = new HolderBoard();
  const devices = collectorsOf(config, deps).map((each) => withBoard(each, board));
  const companions = companionsOf(config, deps, board);
  const collectors = [...devices, ...companions];
  const harness = new CollectorHarness(collectors, { monotonicMs, sleep, onEvent });
  // A driver that hangs while it is opened must not hold up the start: it may come later.
  await Promise.race([harness.open(), sleep(OPEN_WAIT_MS, signal)]);
  const names = collectors.map(({ name }) => name);
  const directory = new DeviceDirectory(names, onDuplicate);
  const rate = onRate && new RateController(rateSettings(config), onRate);
  const clock = { wallMs: nowMs, monotonicMs, sleep };
  const health = harness.health();
  const seers = new Set(devices.map(({ name }) => name));
  const ofDevices = health.filter(({ name }) => seers.has(name));
  const present = ofDevices.filter((source) => source.state !== "absent");
  const reasons = ofDevices.map((each) => each.detail).join("; ");
  const reason = devices.length > 0 ? reasons : "every source is switched off";
  const source: OpenedSource = {
    observations: liveSource({ harness, intervalMs, rate, directory, clock, signal }),
    description:
      present.map(({ name, detail }) => `${name}: ${detail}`).join("; ") ||
      `for a GPU to appear (${reason})`,
    isLive: true,
    health: () => harness.health(),
    warnings: () => [],
    rate,
    collectorOf: (gpuUuid) => directory.collectorOf(gpuUuid),
    contextReceiver: receiverOf(collectors),
    doubted: () => tellDoubt(companions),
  };
  return { source, isPresent: present.length > 0, reason };
}

function rateSettings({ collect, windowLength }: Config): RateSettings {
  return {
    intervalMs: durationMs(collect.interval),
    fastIntervalMs: durationMs(collect.fast.interval),
    holdMs: durationMs(collect.fast.hold),
    budget: collect.fast.budget,
    windowMs: durationMs(windowLength),
  };
}

/** Reads as far as the header, so that a wrong file is refused before anything else is started. */
export async function checkRecording(file: string): Promise<void> {
  for await (const _ of new RecordingReader(file)) return;
}

/** A recording at `speed` times its own pace. */
export function openRecordingSource(
  file: string,
  speed: number,
  deps: Pick<SourceDeps, "monotonicMs" | "sleep" | "signal">,
): OpenedSource {
  const { monotonicMs, sleep, signal } = deps;
  const replay = replaySource({ file, speed, clock: monotonicMs, sleep, signal });
  const pace = speed === Infinity ? "as fast as it can be read" : `at ${speed} times its speed`;
  return {
    observations: replay,
    description: `recording ${file} ${pace}`,
    isLive: false,
    health: () => [],
    warnings: () => replay.warnings,
  };
}
