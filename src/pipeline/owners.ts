import type { OwnerOf, Ownership } from "../attribute/ownership.ts";
import { PROCESS_LIST_SPEAKS_MS } from "../attribute/lists.ts";
import { declaredPurpose } from "../classify/declared-purpose.ts";
import { hostEvidence } from "../classify/host-evidence.ts";
import { networkEvidence } from "../classify/network-evidence.ts";
import { binEdges, telemetryEvidence, unseenEvidence } from "../classify/score.ts";
import { withKernelNames } from "./kernel-names.ts";
import { isBusy, type OwnFindings } from "../classify/window-verdict.ts";
import type { Evidence } from "../model/evidence.ts";
import { ownerKey } from "../model/owner.ts";
import type { HostSample, ProcessSample, ProcessSighting } from "../model/sample.ts";
import type { Feature, Signature } from "../model/signature.ts";
import type { Share } from "../model/slice.ts";
import { isToldWithin, type Window } from "../model/window.ts";
import { bleed } from "../signature/bleed.ts";
import { shareFeatures } from "../signature/share-features.ts";
import type { ConnectionHistory } from "./connection-history.ts";
import type { DeviceTrack } from "./device-track.ts";
import type { PipelineSettings } from "./settings.ts";

/** The host is looked at less often than devices: a list speaks for as long as one of a device does. */
const HOST_LIST_SPEAKS_MS = PROCESS_LIST_SPEAKS_MS;

/** What was seen of the processes around one device in a window. */
export interface Seen {
  window: Window;
  track: DeviceTrack;
  host: HostSample | undefined;
  connections: ConnectionHistory;
  ownership: Ownership;
  /** By `ownership`, with the agent's own pids told apart. */
  ownerOf: OwnerOf;
  signature: Signature;
  shares: readonly Share[];
  memoryBytes: number | undefined;
}

/**
 * What each owner who was there shows beside the device's own telemetry, by owner key: what his
 * programs give away and declare, and, where several worked at once, what is told of his share alone.
 */
export function ownerFindings(seen: Seen, settings: PipelineSettings): Map<string, OwnFindings> {
  const { purposes, kernelNames } = settings;
  const holders = new Set(seen.track.processes.flatMap(({ list }) => list.map(identityOf)));
  const findings = new Map<string, OwnFindings>();
  for (const [key, processes] of sightingsByOwner(seen)) {
    const found: OwnFindings = {
      host: givenAway(
        key,
        plainKeyOf(key, processes, seen),
        asHolders(processes, holders),
        seen,
        settings,
      ),
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

/** What the operator's rules call an owner. */
function plainKeyOf(
  key: string,
  processes: readonly ProcessSighting[],
  { ownership, ownerOf }: Seen,
): string {
  const his = processes.find((process) => ownerKey(ownerOf(process)) === key);
  return his ? ownership.plainKeyOf(his) : key;
}

/**
 * What an owner's processes and their connections give away.
 * @param plainKey what the rules on destinations call him
 */
function givenAway(
  key: string,
  plainKey: string,
  processes: readonly ProcessSighting[],
  { window, connections }: Seen,
  { indicators, egress }: PipelineSettings,
): Evidence[] {
  const host = hostEvidence(processes, indicators);
  const network = {
    ownerKey: plainKey,
    processes,
    host,
    connectionsOf: (pid: number) => connections.of(pid, window.toMs),
    isNew: (destination: string) => connections.isNew(key, destination, window.toMs),
    toMs: window.toMs,
  };
  return [...host, ...networkEvidence(network, indicators, egress)];
}

/** Whoever is told of by a device holds it, whether or not anybody looked at his files. */
function asHolders(
  processes: readonly ProcessSighting[],
  holders: ReadonlySet<string>,
): ProcessSighting[] {
  return processes.map((process) =>
    holders.has(identityOf(process)) ? { ...process, holdsDevice: true } : process,
  );
}

/** Every process of an owner in the window once, by its newest sighting; those of his trees too. */
function sightingsByOwner(seen: Seen): Map<string, ProcessSighting[]> {
  const { window, track, host, ownerOf } = seen;
  const byOwner = new Map<string, ProcessSighting[]>();
  const noted = new Set<string>();
  const note = (process: ProcessSighting, keys: readonly string[]): void => {
    const identity = identityOf(process);
    if (noted.has(identity)) return;
    noted.add(identity);
    for (const key of keys) {
      const known = byOwner.get(key);
      if (known) known.push(process);
      else byOwner.set(key, [process]);
    }
  };
  // The newest sighting of a process says all that the others do.
  for (const { atMs, list } of track.processes.toReversed()) {
    if (atMs <= window.fromMs) break;
    if (atMs <= window.toMs) for (const each of list) note(each, [ownerKey(ownerOf(each))]);
  }
  if (host && host.atMs <= window.toMs && host.atMs > window.fromMs - HOST_LIST_SPEAKS_MS) {
    const persons = ownersByPerson(byOwner, seen);
    for (const each of host.list) note(each, ownersInTree(each, byOwner, persons, seen));
  }
  return byOwner;
}

/** Owners of whom no more is proven than the person, by that person. */
function ownersByPerson(
  byOwner: ReadonlyMap<string, readonly ProcessSighting[]>,
  { ownership }: Seen,
): Map<string, string[]> {
  const byPerson = new Map<string, string[]>();
  for (const [key, [first]] of byOwner) {
    const person = first && ownership.weakPersonOf(first);
    if (person !== undefined) byPerson.set(person, [...(byPerson.get(person) ?? []), key]);
  }
  return byPerson;
}

/**
 * Whose evidence a process beside the device is: its owner's, if he is on the device. What divides a
 * person's time is his own word, so a tunnel that says it is of no job still speaks of all of his.
 */
function ownersInTree(
  process: ProcessSighting,
  byOwner: ReadonlyMap<string, unknown>,
  persons: ReadonlyMap<string, readonly string[]>,
  { ownership, ownerOf }: Seen,
): readonly string[] {
  const key = ownerKey(ownerOf(process));
  if (byOwner.has(key)) return [key];
  const person = ownership.weakPersonOf(process);
  return (person === undefined ? undefined : persons.get(person)) ?? [];
}

function addShareTelemetry(
  findings: Map<string, OwnFindings>,
  working: ReadonlySet<string>,
  { window, track, host, ownerOf, signature, shares, memoryBytes }: Seen,
  { model, leaveOut = [] }: PipelineSettings,
): void {
  const edges = binEdges(model);
  const byExclusion = bleed(signature.features, shares, edges);
  const { processes, launches } = track;
  for (const [key, known] of findings) {
    if (!working.has(key)) continue;
    const own = identitiesOf(key, processes, ownerOf);
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
  ownerOf: OwnerOf,
): ProcessSighting[] {
  const found = new Map<string, ProcessSighting>();
  for (const process of lists.flatMap(({ list }) => list)) {
    const identity = identityOf(process);
    if (!found.has(identity) && ownerKey(ownerOf(process)) === key) found.set(identity, process);
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
