import { attribute } from "../attribute/shares.ts";
import { activityOf } from "../attribute/intervals.ts";
import { ownerOf } from "../attribute/ownership.ts";
import { sameWork, type WorkState } from "../classify/continuity.ts";
import { hostEvidence } from "../classify/host-evidence.ts";
import {
  scaleEvidence,
  type Scores,
  scoresOf,
  smooth,
  telemetryEvidence,
  unseenEvidence,
  unweighedEvidence,
  type Verdict,
} from "../classify/score.ts";
import {
  addHost,
  isBusy,
  shareVerdict,
  timesOf,
  windowVerdict,
} from "../classify/window-verdict.ts";
import type { Evidence } from "../model/evidence.ts";
import type { NodeObservation } from "../model/observation.ts";
import { ownerKey } from "../model/owner.ts";
import type { GpuInfo, HostSample, ProcessSample, ProcessSighting } from "../model/sample.ts";
import type { Feature, Signature } from "../model/signature.ts";
import type { Share, Slice } from "../model/slice.ts";
import { intersect, type Window } from "../model/window.ts";
import type { PowerCourse } from "../signature/lockstep.ts";
import { signatureOf } from "../signature/signature.ts";
import type { DeviceTrack } from "./device-track.ts";
import type { PipelineEvent, WindowResult } from "./events.ts";
import type { PipelineSettings } from "./settings.ts";

/** A closed window that waits for its successor before its label is final. */
interface Pending {
  window: Window;
  signature: Signature;
  shares: readonly Share[];
  telemetry: readonly Evidence[];
  /** Host evidence by owner key. */
  host: ReadonlyMap<string, readonly Evidence[]>;
  scores: Scores;
  busy: boolean;
  work: WorkState;
}

/**
 * Labels the windows of one device: at once for those who watch (provisional), and a window later,
 * when both neighbours are known, for the ledger (final).
 */
export class Labeller {
  private previous: Pending | undefined;
  private waiting: Pending | undefined;
  private gpu: GpuInfo;
  private node: NodeObservation;
  private readonly settings: PipelineSettings;

  constructor(gpu: GpuInfo, node: NodeObservation, settings: PipelineSettings) {
    this.gpu = gpu;
    this.node = node;
    this.settings = settings;
  }

  redescribe(gpu: GpuInfo, node: NodeObservation): void {
    this.gpu = gpu;
    this.node = node;
  }

  close(
    window: Window,
    track: DeviceTrack,
    peers: readonly PowerCourse[],
    host: HostSample | undefined,
  ): PipelineEvent[] {
    const pending = this.observe(window, track, peers, host);
    const events: PipelineEvent[] = [
      { kind: "provisional", result: this.result(pending, neighbours(this.waiting, pending)) },
    ];
    events.push(...this.finish(pending));
    this.waiting = pending;
    return events;
  }

  /** Finishes the window that waits, without a successor. */
  flush(): PipelineEvent[] {
    const events = this.finish(undefined);
    this.previous = undefined;
    return events;
  }

  private finish(next: Pending | undefined): PipelineEvent[] {
    const done = this.waiting;
    if (!done) return [];
    const around = [
      ...neighbours(this.previous, done),
      ...(next && continues(done, next) ? [next.scores] : []),
    ];
    this.previous = done;
    this.waiting = undefined;
    return [{ kind: "final", result: this.result(done, around) }];
  }

  private observe(
    window: Window,
    track: DeviceTrack,
    peers: readonly PowerCourse[],
    host: HostSample | undefined,
  ): Pending {
    const { model, scaleOf, leaveOut } = this.settings;
    const own = track.own.time(this.settings.probePids?.() ?? NOBODY);
    const agentPids = new Set([...this.settings.agentPids(), ...own.pids]);
    const scale = scaleOf(this.gpu);
    const inside = track.intervals.filter((interval) => intersect(interval, window));
    const shares = attribute({
      window,
      intervals: track.intervals,
      processes: track.processes,
      agentPids,
      own,
    });
    const samples = inside.map((interval) => interval.sample);
    const measured = signatureOf({
      gpuUuid: this.gpu.uuid,
      window,
      samples,
      busy: samples.filter((s) => activityOf(s, model.activity.idleBelowUtil) === "busy"),
      power: track.power,
      context: track.context.features(window.toMs, scale),
      launches: track.launches,
      driver: track.driver,
      probes: track.own.probes,
      peers,
      coveredMs: coveredMs(shares),
      scale,
    });
    const signature = leaveOut ? without(measured, leaveOut) : measured;
    const telemetry = [
      ...telemetryEvidence(signature, model),
      ...scaleEvidence(signature),
      ...unseenEvidence(signature, model),
      ...unweighedEvidence(signature, model),
    ];
    const scores = scoresOf(telemetry, model);
    const busy = shares.some((share) => isBusy(share));
    const found = this.hostFindings(window, track, host, agentPids);
    const work = {
      holders: holdersIn(track.processes, window, agentPids),
      memUsedShare: signature.features.memUsedShare,
    };
    return { window, signature, shares, telemetry, host: found, scores, busy, work };
  }

  /** Host evidence of each owner seen on the device in the window, his process trees included. */
  private hostFindings(
    window: Window,
    track: DeviceTrack,
    host: HostSample | undefined,
    agentPids: ReadonlySet<number>,
  ): Map<string, Evidence[]> {
    const byOwner = new Map<string, ProcessSighting[]>();
    const noted = new Set<string>();
    const note = (process: ProcessSighting): void => {
      const identity = `${process.pid} ${process.startTimeMs}`;
      if (noted.has(identity)) return;
      noted.add(identity);
      const key = ownerKey(ownerOf(process, agentPids));
      const seen = byOwner.get(key);
      if (seen) seen.push(process);
      else byOwner.set(key, [process]);
    };
    // The newest sighting of a process says all that the others do.
    for (const { atMs, list } of track.processes.toReversed()) {
      if (atMs <= window.fromMs) break;
      if (atMs > window.toMs) continue;
      list.forEach(note);
    }
    if (host && host.atMs <= window.toMs && host.atMs > window.fromMs - track.maxGapMs)
      host.list.filter((p) => byOwner.has(ownerKey(ownerOf(p, agentPids)))).forEach(note);
    return new Map(
      [...byOwner].map(([key, seen]) => [key, hostEvidence(seen, this.settings.indicators)]),
    );
  }

  private result(pending: Pending, around: readonly Scores[]): WindowResult {
    const { model, agentVersion } = this.settings;
    const { window, shares, telemetry, signature } = pending;
    const smoothed = smooth(pending.scores, around, model.decision.neighbourWeight);
    const times = timesOf(shares);
    const allHost = [...pending.host.values()].flat();
    const evidence = [...allHost, ...telemetry];
    const device = windowVerdict(times, addHost(smoothed, allHost), evidence, model);
    const slices = shares.map((share): Slice => {
      const own = pending.host.get(ownerKey(share.owner)) ?? [];
      const verdict = shareVerdict(share, times, device, smoothed, own, telemetry, model);
      return {
        node: this.node.node,
        simulated: this.node.simulated,
        gpuUuid: this.gpu.uuid,
        ...window,
        owner: share.owner,
        timeMs: share.timeMs,
        energyMj: share.energyMj,
        basis: share.basis,
        ...pick(verdict),
        modelVersion: model.version,
        agentVersion,
      };
    });
    const { node, simulated } = this.node;
    return { node, simulated, gpu: this.gpu, window, signature, slices, ...pick(device) };
  }
}

const NOBODY: ReadonlySet<number> = new Set();

function without(signature: Signature, leaveOut: readonly Feature[]): Signature {
  const features = { ...signature.features };
  for (const feature of leaveOut) delete features[feature];
  return { ...signature, features };
}

function neighbours(before: Pending | undefined, own: Pending): Scores[] {
  return before && continues(before, own) ? [before.scores] : [];
}

/** Whether the first window may speak for the second, and the other way round. */
function continues(before: Pending, after: Pending): boolean {
  return (
    before.busy &&
    after.busy &&
    before.window.toMs === after.window.fromMs &&
    sameWork(before.work, after.work)
  );
}

/** Who holds the device at the end of a window; undefined where nothing looked in it. */
function holdersIn(
  lists: readonly ProcessSample[],
  window: Window,
  agentPids: ReadonlySet<number>,
): ReadonlySet<string> | undefined {
  const last = lists.findLast(({ atMs }) => atMs > window.fromMs && atMs <= window.toMs);
  const others = last?.list.filter(({ pid }) => !agentPids.has(pid));
  return others && new Set(others.map(({ pid, startTimeMs }) => `${pid} ${startTimeMs}`));
}

function pick({ label, confidence, evidence }: Verdict): Verdict {
  return { label, confidence, evidence };
}

function coveredMs(shares: readonly Share[]): number {
  return shares
    .filter((share) => share.owner.kind !== "unobserved")
    .reduce((sum, share) => sum + share.timeMs, 0);
}
