import type { NodeObservation, Observation, ProbeObservation } from "../model/observation.ts";
import type {
  GpuInfo,
  GpuSample,
  HostSample,
  LaunchSample,
  ProcessSample,
} from "../model/sample.ts";
import { DEFAULT_WINDOW_MS, type Window, windowAt } from "../model/window.ts";
import { ConnectionHistory } from "./connection-history.ts";
import { DeviceTrack } from "./device-track.ts";
import type { PipelineEvent } from "./events.ts";
import type { PipelineSettings } from "./settings.ts";
import type { PowerCourse } from "../signature/lockstep.ts";
import { Ownership } from "../attribute/ownership.ts";
import { Labeller } from "./labeller.ts";
import { WhoNews } from "./who-news.ts";

/** Host lists in mind: those that came while a window waited for its last sample. */
const MAX_HOSTS = 16;
/** A hole of more windows than this becomes one gap record instead of thousands of empty slices. */
const MAX_EMPTY_WINDOWS = 6;
/** Three missed samples are a hole, not jitter; below two seconds everything is jitter. */
const GAP_INTERVALS = 3;
const MIN_GAP_MS = 2000;

/** Observations in, labelled windows out: the same code live and on a recording. No clock, no I/O. */
export class Pipeline {
  /** Samples that came too late or twice. */
  drops = 0;
  private node: NodeObservation | undefined;
  private readonly tracks = new Map<number, DeviceTrack>();
  private readonly labellers = new Map<string, Labeller>();
  /** Where the time of devices ends that went away: one that comes back goes on from there. */
  private readonly leftAtMs = new Map<string, number>();
  /** Cards whose parts are devices of their own: what is told of the whole would count twice. */
  private divided: ReadonlySet<number> = new Set();
  /** The newest lists, oldest first: a window closes after lists of the next one have come. */
  private readonly hosts: HostSample[] = [];
  private readonly connections = new ConnectionHistory();
  private readonly settings: PipelineSettings;
  private readonly windowMs: number;
  private readonly ownership: Ownership;
  private readonly news: WhoNews;

  constructor(settings: PipelineSettings) {
    this.settings = settings;
    this.windowMs = settings.windowMs ?? DEFAULT_WINDOW_MS;
    this.ownership = new Ownership(settings.owners, undefined, settings.names);
    this.news = new WhoNews(this.ownership);
  }

  push(observation: Observation): PipelineEvent[] {
    this.ownership.observe(observation);
    this.news.note(observation, this.settings.agentPids);
    const events = this.handle(observation);
    // Once a tick, when all devices' lists are in; without ticks whenever a window ends.
    const isDue = observation.kind === "tick" || events.length > 0;
    return isDue ? [...this.news.drain(this.node?.node ?? ""), ...events] : events;
  }

  private handle(observation: Observation): PipelineEvent[] {
    switch (observation.kind) {
      case "node":
        return this.describe(observation);
      case "gpu":
        return this.sample(observation);
      case "processes":
        this.processes(observation);
        return [];
      case "launches":
        this.launches(observation);
        return [];
      case "host":
        this.hosts.push(observation);
        if (this.hosts.length > MAX_HOSTS) this.hosts.shift();
        return [];
      case "gap":
        return this.gap(observation);
      case "sockets":
        this.connections.add(observation);
        return [];
      case "registry":
      case "context":
        return [];
      case "tick":
        return this.advance(observation.atMs);
      case "samples":
        this.tracks.get(observation.gpu)?.addDriverSamples(observation);
        return [];
      case "probe":
        this.probe(observation);
        return [];
      case "health":
      case "collector":
        return [];
    }
  }

  /** Closes every open window, the last one with its rest unobserved: at the end of the input. */
  flush(): PipelineEvent[] {
    const events = this.news.drain(this.node?.node ?? "");
    for (const track of this.tracks.values()) {
      const lastMs = track.samples.at(-1)?.atMs;
      if (lastMs !== undefined) events.push(...this.closeUpTo(track, lastMs, true));
      events.push(...(this.labellers.get(track.gpu.uuid)?.flush() ?? []));
    }
    return events;
  }

  private describe(node: NodeObservation): PipelineEvent[] {
    this.node = node;
    const events: PipelineEvent[] = [];
    const gpus = node.gpus.filter(({ uuid }) => !isDivided(uuid, node));
    this.divided = new Set(
      node.gpus.filter((gpu) => !gpus.includes(gpu)).map(({ index }) => index),
    );
    const listed = new Map(gpus.map((gpu) => [gpu.index, gpu]));
    for (const [index, track] of this.tracks) {
      if (listed.get(index)?.uuid === track.gpu.uuid) continue;
      const lastMs = track.samples.at(-1)?.atMs;
      if (lastMs !== undefined) events.push(...this.closeUpTo(track, lastMs, true));
      events.push(...(this.labellers.get(track.gpu.uuid)?.flush() ?? []));
      this.labellers.delete(track.gpu.uuid);
      this.tracks.delete(index);
      if (track.nextFromMs !== undefined) this.leftAtMs.set(track.gpu.uuid, track.nextFromMs);
    }
    for (const gpu of gpus) this.admit(gpu, node);
    return events;
  }

  /** A device is new, or described anew: another power limit, another rate of sampling. */
  private admit(gpu: GpuInfo, node: NodeObservation): void {
    const intervalMs = gpu.intervalMs ?? node.intervalMs;
    const maxGapMs = Math.max(MIN_GAP_MS, GAP_INTERVALS * intervalMs);
    const { idleBelowUtil } = this.settings.model.activity;
    const timing = { intervalMs, maxGapMs, idleBelowUtil };
    const known = this.tracks.get(gpu.index);
    if (known) known.redescribe(gpu, timing);
    else this.tracks.set(gpu.index, new DeviceTrack(gpu, timing));
    const labeller = this.labellers.get(gpu.uuid);
    if (labeller) labeller.redescribe(gpu, node);
    else this.labellers.set(gpu.uuid, new Labeller(gpu, node, this.settings, this.ownership));
  }

  private sample(sample: GpuSample): PipelineEvent[] {
    const track = this.tracks.get(sample.gpu);
    if (!track || !this.node) {
      this.lost(sample.gpu);
      return [];
    }
    const events: PipelineEvent[] = [];
    if (track.nextFromMs === undefined) {
      track.nextFromMs = this.firstWindowMs(track.gpu.uuid, sample.atMs);
      const { node, simulated } = this.node;
      events.push({ kind: "gpu", node, simulated, gpu: track.gpu, atMs: track.nextFromMs });
    }
    if (!track.addSample(sample)) {
      this.drops += 1;
      return events;
    }
    // Ticks close windows; a source without them is one window late at most.
    events.push(...this.closeUpTo(track, sample.atMs - this.windowMs, false));
    return events;
  }

  /** A restart in the middle of a window that was already closed goes on with the next one. */
  private firstWindowMs(gpuUuid: string, atMs: number): number {
    const { fromMs } = windowAt(atMs, this.windowMs);
    return Math.max(fromMs, this.endOf(gpuUuid) ?? fromMs);
  }

  /** Up to where a device's time is already told: in this run, or by the ledger of an earlier one. */
  private endOf(gpuUuid: string): number | undefined {
    return this.leftAtMs.get(gpuUuid) ?? this.settings.resumeAtMs?.(gpuUuid);
  }

  private processes(sample: ProcessSample): void {
    const track = this.tracks.get(sample.gpu);
    if (track) track.addProcesses(sample);
    else this.lost(sample.gpu);
  }

  private lost(gpu: number): void {
    if (!this.divided.has(gpu)) this.drops += 1;
  }

  /** A process may hold several devices: which of them it launched on is not told. */
  private launches(sample: LaunchSample): void {
    for (const track of this.tracks.values())
      if (track.holds(sample.pid)) track.addLaunches(sample);
  }

  private probe(probe: ProbeObservation): void {
    const track = this.tracks.get(probe.gpu);
    if (track) track.addProbe(probe);
    else this.drops += 1;
  }

  private gap(gap: Extract<Observation, { kind: "gap" }>): PipelineEvent[] {
    const gpuUuid = gap.gpu === undefined ? undefined : this.tracks.get(gap.gpu)?.gpu.uuid;
    const { source, reason, fromMs, toMs } = gap;
    if (this.isTold(gap.toMs, gpuUuid)) return [];
    const node = this.node?.node ?? "";
    return [{ kind: "gap", node, gpuUuid, source, reason, window: { fromMs, toMs } }];
  }

  /** A recording that is run again tells of gaps that an earlier run has written down. */
  private isTold(atMs: number, gpuUuid: string | undefined): boolean {
    const uuids = gpuUuid === undefined ? [...this.labellers.keys()] : [gpuUuid];
    const ends = uuids.map((uuid) => this.settings.resumeAtMs?.(uuid) ?? Number.NEGATIVE_INFINITY);
    return atMs <= Math.min(...ends, Number.MAX_SAFE_INTEGER) && ends.length > 0;
  }

  /**
   * By a tick everything up to it has been delivered: a window closes once a sample lies behind it,
   * with the process lists of the same moment, and after silence once none can still come.
   */
  private advance(atMs: number): PipelineEvent[] {
    return [...this.tracks.values()].flatMap((track) => {
      const lastMs = track.samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
      const settledMs = Math.max(Math.min(lastMs, atMs), atMs - track.maxGapMs);
      return this.closeUpTo(track, settledMs, false);
    });
  }

  /** Closes the windows that end by `atMs`; with `partial` also the one that `atMs` lies in. */
  private closeUpTo(track: DeviceTrack, atMs: number, partial: boolean): PipelineEvent[] {
    const events: PipelineEvent[] = [];
    const labeller = this.labellers.get(track.gpu.uuid);
    if (!labeller) return events;
    while (track.nextFromMs !== undefined) {
      const { toMs } = windowAt(track.nextFromMs, this.windowMs);
      const window: Window = { fromMs: track.nextFromMs, toMs };
      if (partial ? window.fromMs >= atMs : window.toMs > atMs) break;
      const skipTo = this.emptyUntil(track, window, atMs);
      if (skipTo === undefined) {
        const host = this.hosts.findLast((list) => list.atMs <= window.toMs);
        const beside = { host, connections: this.connections };
        events.push(...labeller.close(window, track, this.peersOf(track), beside));
        track.nextFromMs = window.toMs;
      } else {
        events.push(...labeller.flush(), this.hole(track, { fromMs: window.fromMs, toMs: skipTo }));
        track.nextFromMs = skipTo;
      }
      track.forget(track.nextFromMs);
    }
    return events;
  }

  /** The start of the first window with anything in it, if that is too far away to fill the way. */
  private emptyUntil(track: DeviceTrack, window: Window, atMs: number): number | undefined {
    const next = track.intervals.find((interval) => interval.toMs > window.fromMs);
    const nextMs = windowAt(next?.fromMs ?? atMs, this.windowMs).fromMs;
    const far = nextMs - window.fromMs > MAX_EMPTY_WINDOWS * this.windowMs;
    return far ? nextMs : undefined;
  }

  private hole(track: DeviceTrack, window: Window): PipelineEvent {
    const node = this.node?.node ?? "";
    const reason = "no sample of the device arrived";
    return { kind: "gap", node, gpuUuid: track.gpu.uuid, source: "device", reason, window };
  }

  private peersOf(track: DeviceTrack): PowerCourse[] {
    return [...this.tracks.values()].filter((peer) => peer !== track).map((peer) => peer.power);
  }
}

/** Whether parts of a card are listed beside it: its time is theirs. */
function isDivided(uuid: string, { gpus }: NodeObservation): boolean {
  return gpus.some(({ parentUuid }) => parentUuid === uuid);
}
