import { activityOf } from "../attribute/intervals.ts";
import type { Ownership } from "../attribute/ownership.ts";
import { attribute } from "../attribute/shares.ts";
import { sameWork, type WorkState } from "../classify/continuity.ts";
import { hiddenUse } from "../classify/hidden-use.ts";
import {
  readingsEvidence,
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
  isBusy,
  judged,
  type OwnFindings,
  shareVerdict,
  timesOf,
  windowVerdict,
  withRogue,
} from "../classify/window-verdict.ts";
import type { Evidence } from "../model/evidence.ts";
import type { NodeObservation } from "../model/observation.ts";
import { ownerKey } from "../model/owner.ts";
import type { GpuInfo, HostSample } from "../model/sample.ts";
import type { Signature } from "../model/signature.ts";
import type { Share, Slice } from "../model/slice.ts";
import { toldWithin, type Window } from "../model/window.ts";
import type { PowerCourse } from "../signature/lockstep.ts";
import type { DeviceScale } from "../signature/scale.ts";
import { processFeatures } from "../signature/share-features.ts";
import { signatureOf } from "../signature/signature.ts";
import type { ConnectionHistory } from "./connection-history.ts";
import type { DeviceTrack } from "./device-track.ts";
import type { PipelineEvent, WindowResult } from "./events.ts";
import { holdersIn, ownerFindings, without } from "./owners.ts";
import type { PipelineSettings } from "./settings.ts";

/** A closed window that waits for its successor before its label is final. */
interface Pending {
  window: Window;
  signature: Signature;
  shares: readonly Share[];
  telemetry: readonly Evidence[];
  /** By owner key. */
  owners: ReadonlyMap<string, OwnFindings>;
  scores: Scores;
  busy: boolean;
  work: WorkState;
}

/** What is seen beside the devices. */
interface Beside {
  host: HostSample | undefined;
  connections: ConnectionHistory;
}

const NOBODY: ReadonlySet<number> = new Set();
const NOTHING: OwnFindings = { host: [], declared: [], telemetry: [] };

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
  private readonly ownership: Ownership;

  constructor(
    gpu: GpuInfo,
    node: NodeObservation,
    settings: PipelineSettings,
    ownership: Ownership,
  ) {
    this.gpu = gpu;
    this.node = node;
    this.ownership = ownership;
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
    beside: Beside,
  ): PipelineEvent[] {
    const pending = this.observe(window, track, peers, beside);
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
    { host, connections }: Beside,
  ): Pending {
    const { model, scaleOf } = this.settings;
    const own = track.own.time(this.settings.probePids?.() ?? NOBODY);
    const agentPids = new Set([...this.settings.agentPids(), ...own.pids]);
    const { intervals, processes } = track;
    const { ownership } = this;
    const ownerOf = ownership.besides(agentPids);
    const given = ownership.givenTo(this.gpu.index);
    const shares = attribute({ window, intervals, processes, ownerOf, own, given });
    const scale = scaleOf(this.gpu);
    const signature = this.signature(window, track, peers, host, shares, agentPids, scale);
    const telemetry = [
      ...telemetryEvidence(signature, model),
      ...scaleEvidence(signature),
      ...readingsEvidence(signature),
      ...unseenEvidence(signature, model),
      ...unweighedEvidence(signature, model),
    ];
    const { memoryBytes } = scale;
    const known = { host, connections, ownership, ownerOf, memoryBytes };
    const seen = { window, track, signature, shares, ...known };
    const { memUsedShare } = signature.features;
    return {
      window,
      signature,
      shares,
      telemetry,
      owners: ownerFindings(seen, this.settings),
      scores: scoresOf(telemetry, model),
      busy: shares.some(isBusy),
      work: { holders: holdersIn(processes, window, agentPids), memUsedShare },
    };
  }

  private signature(
    window: Window,
    track: DeviceTrack,
    peers: readonly PowerCourse[],
    host: HostSample | undefined,
    shares: readonly Share[],
    agentPids: ReadonlySet<number>,
    scale: DeviceScale,
  ): Signature {
    const { model, leaveOut } = this.settings;
    const samples = track.intervals
      .filter(({ fromMs, toMs }) => fromMs < window.toMs && toMs > window.fromMs)
      .map(({ sample }) => sample);
    const busy = samples.filter((s) => activityOf(s, model.activity.idleBelowUtil) === "busy");
    const isNotOurs = ({ pid }: { pid: number }): boolean => !agentPids.has(pid);
    const measured = signatureOf({
      gpuUuid: this.gpu.uuid,
      window,
      samples,
      busy,
      power: track.power,
      context: track.context.course(window.toMs, scale),
      processes:
        busy.length > 0
          ? processFeatures(toldWithin(track.processes, window), host, isNotOurs)
          : undefined,
      launches: track.launches,
      driver: track.driver,
      probes: track.own.probes,
      peers,
      coveredMs: coveredMs(shares),
      scale,
    });
    return leaveOut ? { ...measured, features: without(measured.features, leaveOut) } : measured;
  }

  private result(pending: Pending, around: readonly Scores[]): WindowResult {
    const { model, agentVersion } = this.settings;
    const { window, shares, telemetry, signature, owners } = pending;
    const scores = smooth(pending.scores, around, model.decision.neighbourWeight);
    const times = timesOf(shares);
    const found = together([...owners.values()]);
    const whole = (): Verdict => judged(scores, telemetry, found, this.settings);
    const device = { verdict: windowVerdict(times, whole, model), scores, telemetry, found };
    const ownerMs = timesByOwner(shares);
    const verdicts = shares.map((share) =>
      shareVerdict(
        { ...share, timeMs: ownerMs.get(ownerKey(share.owner)) ?? share.timeMs },
        times,
        device,
        owners.get(ownerKey(share.owner)) ?? NOTHING,
        this.settings,
      ),
    );
    const { node, simulated } = this.node;
    const slices = shares.map((share, i): Slice => {
      const { owner, timeMs, energyMj, idleEnergyMj, basis } = share;
      const { evidence, ...verdict } = pick(verdicts[i] ?? device.verdict);
      return {
        node,
        simulated,
        gpuUuid: this.gpu.uuid,
        ...window,
        owner,
        timeMs,
        energyMj,
        ...(idleEnergyMj !== undefined && { idleEnergyMj }),
        basis,
        ...verdict,
        evidence: [...evidence, ...hiddenUse(share, window)],
        modelVersion: model.version,
        agentVersion,
      };
    });
    const verdict = withRogue(device.verdict, verdicts);
    return { node, simulated, gpu: this.gpu, window, signature, slices, ...pick(verdict) };
  }
}

/** What all owners show, for the device as a whole; of one owner it is his own. */
function together(all: readonly OwnFindings[]): OwnFindings {
  const [only = NOTHING, ...others] = all;
  if (others.length === 0) return only;
  return {
    host: all.flatMap(({ host }) => host),
    declared: all.flatMap(({ declared }) => declared),
    telemetry: [],
  };
}

/** An owner may have several shares, which rest on different things: he is judged by all of them. */
function timesByOwner(shares: readonly Share[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { owner, timeMs } of shares)
    times.set(ownerKey(owner), (times.get(ownerKey(owner)) ?? 0) + timeMs);
  return times;
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

function pick({ label, confidence, evidence }: Verdict): Verdict {
  return { label, confidence, evidence };
}

function coveredMs(shares: readonly Share[]): number {
  return shares
    .filter((share) => share.owner.kind !== "unobserved")
    .reduce((sum, share) => sum + share.timeMs, 0);
}
