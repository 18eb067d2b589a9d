import { ownerOf } from "../attribute/ownership.ts";
import { declaredPurpose } from "../classify/declared-purpose.ts";
import { hostEvidence } from "../classify/host-evidence.ts";
import { binEdges, telemetryEvidence, unseenEvidence } from "../classify/score.ts";
import { withKernelNames } from "./kernel-names.ts";
import { isBusy, type OwnFindings } from "../classify/window-verdict.ts";
import { ownerKey } from "../model/owner.ts";
import type { HostSample, ProcessSample, ProcessSighting } from "../model/sample.ts";
import type { Feature, Signature } from "../model/signature.ts";
import type { Share } from "../model/slice.ts";
import { isToldWithin, type Window } from "../model/window.ts";
import { bleed } from "../signature/bleed.ts";
import { shareFeatures } from "../signature/share-features.ts";
import type { DeviceTrack } from "./device-track.ts";
import type { PipelineSettings } from "./settings.ts";

/** What was seen of the processes around one device in a window. */
export interface Seen {
  window: Window;
  track: DeviceTrack;
  host: HostSample | undefined;
  agentPids: ReadonlySet<number>;
  signature: Signature;
  shares: readonly Share[];
  memoryBytes: number | undefined;
}

/**
 * What each owner who was there shows beside the device's own telemetry, by owner key: what his
 * programs give away and declare, and, where several worked at once, what is told of his share alone.
 */
export function ownerFindings(seen: Seen, settings: PipelineSettings): Map<string, OwnFindings> {
  const { indicators, purposes, kernelNames } = settings;
  const findings = new Map<string, OwnFindings>();
  for (const [key, processes] of sightingsByOwner(seen)) {
    const found: OwnFindings = {
      host: hostEvidence(processes, indicators),
      declared: declaredPurpose(processes, purposes),
      telemetry: [],
    };
    const { launches } = seen.track;
    findings.set(
      key,
      withKernelNames(found, { processes, launches, window: seen.window }, kernelNames),
    );
  }
  const working = new Set(seen.shares.filter(isBusy).map(({ owner }) => ownerKey(owner)));
  if (working.size > 1) addShareTelemetry(findings, working, seen, settings);
  return findings;
}

/** Every process of an owner in the window once, by its newest sighting; those of his trees too. */
function sightingsByOwner({
  window,
  track,
  host,
  agentPids,
}: Seen): Map<string, ProcessSighting[]> {
  const byOwner = new Map<string, ProcessSighting[]>();
  const noted = new Set<string>();
  const note = (process: ProcessSighting): void => {
    const identity = identityOf(process);
    if (noted.has(identity)) return;
    noted.add(identity);
    const key = ownerKey(ownerOf(process, agentPids));
    const known = byOwner.get(key);
    if (known) known.push(process);
    else byOwner.set(key, [process]);
  };
  // The newest sighting of a process says all that the others do.
  for (const { atMs, list } of track.processes.toReversed()) {
    if (atMs <= window.fromMs) break;
    if (atMs <= window.toMs) list.forEach(note);
  }
  if (host && host.atMs <= window.toMs && host.atMs > window.fromMs - track.maxGapMs)
    host.list.filter((p) => byOwner.has(ownerKey(ownerOf(p, agentPids)))).forEach(note);
  return byOwner;
}

function addShareTelemetry(
  findings: Map<string, OwnFindings>,
  working: ReadonlySet<string>,
  { window, track, host, agentPids, signature, shares, memoryBytes }: Seen,
  { model, leaveOut = [] }: PipelineSettings,
): void {
  const edges = binEdges(model);
  const byExclusion = bleed(signature.features, shares, edges);
  const { processes, launches } = track;
  for (const [key, known] of findings) {
    if (!working.has(key)) continue;
    const own = identitiesOf(key, processes, agentPids);
    const input = { window, processes, own, launches, host, memoryBytes, edges };
    const features = without({ ...shareFeatures(input), ...byExclusion.get(key) }, leaveOut);
    const alone = { ...signature, features, references: undefined };
    findings.set(key, {
      ...known,
      telemetry: [...telemetryEvidence(alone, model), ...unseenEvidence(alone, model)],
    });
  }
}

/** Features but for those that are left out, to see what they add. */
export function without(
  features: Signature["features"],
  leaveOut: readonly Feature[],
): Signature["features"] {
  const left = { ...features };
  for (const feature of leaveOut) delete left[feature];
  return left;
}

/** Every process of an owner in the context: pids are reused, so each with its start. */
function identitiesOf(
  key: string,
  lists: readonly ProcessSample[],
  agentPids: ReadonlySet<number>,
): ProcessSighting[] {
  const found = new Map<string, ProcessSighting>();
  for (const process of lists.flatMap(({ list }) => list)) {
    const identity = identityOf(process);
    if (!found.has(identity) && ownerKey(ownerOf(process, agentPids)) === key)
      found.set(identity, process);
  }
  return [...found.values()];
}

/** Who holds the device at the end of a window; undefined where nothing looked in it. */
export function holdersIn(
  lists: readonly ProcessSample[],
  window: Window,
  agentPids: ReadonlySet<number>,
): ReadonlySet<string> | undefined {
  const last = lists.findLast((each) => isToldWithin(each, window));
  const others = last?.list.filter(({ pid }) => !agentPids.has(pid));
  return others && new Set(others.map(identityOf));
}

function identityOf({ pid, startTimeMs }: ProcessSighting): string {
  return `${pid} ${startTimeMs}`;
}
