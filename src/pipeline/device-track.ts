import {
  activityOf,
  intervalOf,
  type Interval,
  type IntervalSettings,
} from "../attribute/intervals.ts";
import { IdlePower } from "../attribute/idle-power.ts";
import { PROCESS_LIST_SPEAKS_MS } from "../attribute/lists.ts";
import type { ProbeObservation } from "../model/observation.ts";
import type {
  DriverSamples,
  GpuInfo,
  GpuSample,
  LaunchSample,
  ProcessSample,
} from "../model/sample.ts";
import { CONTEXT_MS } from "../model/signature.ts";
import { DeviceContext } from "../signature/context.ts";
import { PowerCourse } from "../signature/lockstep.ts";
import { OwnRuns } from "./own-runs.ts";

/**
 * The recent past of one device: samples, the intervals they explain and who was seen. Bounded by
 * time: what no open window or lockstep context can need any more is forgotten.
 */
export class DeviceTrack {
  gpu: GpuInfo;
  readonly samples: GpuSample[] = [];
  readonly intervals: Interval[] = [];
  readonly processes: ProcessSample[] = [];
  readonly driver: DriverSamples[] = [];
  readonly launches: LaunchSample[] = [];
  readonly own = new OwnRuns();
  private readonly idlePower = new IdlePower();
  context: DeviceContext;
  power: PowerCourse;
  /** Where the next window begins; undefined before the first sample. */
  nextFromMs: number | undefined;
  private settings: IntervalSettings;

  constructor(gpu: GpuInfo, settings: IntervalSettings) {
    this.gpu = gpu;
    this.settings = settings;
    this.context = new DeviceContext(settings.intervalMs);
    this.power = new PowerCourse(settings.intervalMs);
  }

  /** The same device, described anew: another power limit, another rate of sampling. */
  redescribe(gpu: GpuInfo, settings: IntervalSettings): void {
    this.gpu = gpu;
    if (settings.intervalMs !== this.settings.intervalMs) {
      // Buckets of another length are another past.
      this.context = new DeviceContext(settings.intervalMs);
      this.power = new PowerCourse(settings.intervalMs);
    }
    this.settings = settings;
  }

  get maxGapMs(): number {
    return this.settings.maxGapMs;
  }

  /** @returns false if the sample is not newer than the last one, and was dropped */
  addSample(sample: GpuSample): boolean {
    const previous = this.samples.at(-1);
    if (previous && sample.atMs <= previous.atMs) return false;
    const interval = intervalOf(previous, sample, this.settings);
    if (interval) {
      // By what was known of the device until then: what it draws at rest later says nothing of now.
      interval.idleEnergyMj = this.idlePower.partOf(interval);
      this.idlePower.note(interval);
      this.intervals.push(interval);
    }
    this.samples.push(sample);
    this.power.add(sample);
    this.context.add(sample, activityOf(sample, this.settings.idleBelowUtil));
    return true;
  }

  addProcesses(sample: ProcessSample): void {
    this.processes.push(sample);
    this.own.noteList(sample);
  }

  /** Whether a process was seen on the device lately; where nobody looks, any process may be there. */
  holds(pid: number): boolean {
    if (this.processes.length === 0) return true;
    return this.processes.some(({ list }) => list.some((process) => process.pid === pid));
  }

  addLaunches(sample: LaunchSample): void {
    this.launches.push(sample);
  }

  addProbe(probe: ProbeObservation): void {
    this.own.add(probe, this.nextFromMs);
  }

  addDriverSamples(samples: DriverSamples): void {
    this.driver.push(samples);
  }

  /** Of lists that only the context still looks at, one a second is all that it can use. */
  private thin(beforeMs: number): void {
    const { processes } = this;
    let kept = 0;
    for (let i = 0; i < processes.length; i += 1) {
      const [list, next] = [processes[i], processes[i + 1]];
      if (!list) continue;
      if (next && next.atMs < beforeMs && secondOf(next) === secondOf(list)) continue;
      processes[kept] = list;
      kept += 1;
    }
    processes.length = kept;
  }

  /** Forgets what no window that begins then or later can need. */
  forget(windowFromMs: number): void {
    const keepFromMs = windowFromMs - this.settings.maxGapMs;
    this.power.forget(windowFromMs);
    // The newest sample stays, however old: the next interval begins at it.
    dropWhile(this.samples, (sample, i) => sample.atMs < keepFromMs && i < this.samples.length - 1);
    dropWhile(this.intervals, (interval) => interval.toMs <= windowFromMs);
    dropWhile(this.driver, (buffer) => endOf(buffer) < windowFromMs);
    dropWhile(this.launches, ({ atMs }) => atMs < windowFromMs);
    this.own.forget(windowFromMs);
    dropWhile(this.processes, (list) => list.atMs < windowFromMs - CONTEXT_MS);
    this.thin(windowFromMs - PROCESS_LIST_SPEAKS_MS);
  }
}

const secondOf = ({ atMs }: ProcessSample): number => Math.floor(atMs / 1000);

function endOf({ fromMs, offsetsMs }: DriverSamples): number {
  return fromMs + (offsetsMs.at(-1) ?? 0);
}

function dropWhile<T>(list: T[], obsolete: (item: T, index: number) => boolean): void {
  const keep = list.findIndex((item, i) => !obsolete(item, i));
  list.splice(0, keep < 0 ? list.length : keep);
}
