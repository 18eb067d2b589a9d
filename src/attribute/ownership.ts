import type { Observation } from "../model/observation.ts";
import { AGENT, type Owner, type OwnerIdentity } from "../model/owner.ts";
import type { ProcessSighting } from "../model/sample.ts";
import { scopeOf } from "./cgroup-scope.ts";
import { decideOwner } from "./decide-owner.ts";
import { caseOf } from "./owner-case.ts";
import { ProcessMemory, type Remembered } from "./process-memory.ts";
import { Registries } from "./registries.ts";
import type { OwnerSettings } from "./rule-schema.ts";

/** Whose a process is. */
export type OwnerOf = (process: ProcessSighting) => Owner;

export const NO_OWNER_SETTINGS: OwnerSettings = { rules: [], teams: [] };

const AGENT_IDENTITY: OwnerIdentity = {
  owner: AGENT,
  rule: "agent",
  reason: "it is the agent's own process",
  proven: {},
  declared: {},
  conflicts: [],
};

/** Rules that know no more than the person: a process of a tree then goes with the one on the device. */
const WEAK_RULES: ReadonlySet<string> = new Set([
  "slurm-declared",
  "ray-declared",
  "user-unit",
  "user",
  "process",
]);

/**
 * Who the processes of a node work for. It is told what is observed and keeps what is needed to
 * answer later, also of processes that are gone by then; answers are found once for each process.
 */
export class Ownership {
  private readonly settings: OwnerSettings;
  private readonly registries = new Registries();
  private readonly memory: ProcessMemory;
  /** Sightings are asked about again and again, by every window that they speak for. */
  private readonly bySighting = new WeakMap<ProcessSighting, Remembered>();
  /** Of the last list of a device: the pods that its processes are in. */
  private readonly podsOn = new Map<number, string>();
  private podChanges = 0;
  /** Grows whenever a process on a device is new there, or is somebody else's than before. */
  private treeVersion = 0;

  constructor(settings: OwnerSettings = NO_OWNER_SETTINGS, maxProcesses?: number) {
    this.settings = settings;
    this.memory = new ProcessMemory(maxProcesses);
  }

  /** Whatever the node's sources say: what tells nothing of owners is passed by. */
  observe(observation: Observation): void {
    switch (observation.kind) {
      case "node":
        this.registries.noteDevices(observation.gpus);
        break;
      case "registry":
        this.registries.note(observation);
        break;
      case "processes": {
        const { list, gpu, atMs } = observation;
        this.notePods(gpu, list);
        for (const process of list) this.note(process, atMs, gpu);
        break;
      }
      case "host":
        for (const process of observation.list) this.note(process, observation.atMs);
        break;
      default:
        break;
    }
  }

  /** The devices a process was seen on lately, by uuid. */
  devicesOf(process: ProcessSighting): readonly string[] {
    return this.entryOf(process)
      .gpus()
      .map((gpu) => this.registries.uuidOf(gpu));
  }

  /** One for each process, also of those whose pid another one had before. */
  keyOf(process: ProcessSighting): string {
    return this.entryOf(process).key;
  }

  /** How a process's owner was found. The same object as before where nothing has changed. */
  identityOf(process: ProcessSighting): OwnerIdentity {
    return this.resolved(this.entryOf(process));
  }

  /** Owners as they are while these pids are the agent's own. */
  besides(agentPids: ReadonlySet<number>): OwnerOf {
    return (process) =>
      agentPids.has(process.pid) ? AGENT_IDENTITY.owner : this.identityOf(process).owner;
  }

  /** Whom a scheduler or a kubelet gave the device to: containers may share one that nobody gave them. */
  givenTo(gpu: number): readonly Owner[] {
    const claims = this.registries.claimsOn([gpu]);
    return claims
      .filter(({ kind }) => kind === "pod" || kind === "job")
      .map(({ kind, id }) => ({ kind, id }));
  }

  /** Whether no more is proven of a process than its person, and who that is. */
  weakPersonOf(process: ProcessSighting): string | undefined {
    const { rule, proven } = this.identityOf(process);
    return WEAK_RULES.has(rule) ? proven.user : undefined;
  }

  private note(process: ProcessSighting, atMs: number, gpu?: number): void {
    const entry = this.memory.note(process, atMs, gpu);
    this.bySighting.set(process, entry);
    this.resolved(entry);
  }

  private entryOf(process: ProcessSighting): Remembered {
    const known = this.bySighting.get(process);
    if (known) return known;
    const entry = this.memory.find(process) ?? this.memory.alone(process);
    this.bySighting.set(process, entry);
    return entry;
  }

  /** A process is looked at anew when it shows something else, or a registry says something else. */
  private resolved(entry: Remembered): OwnerIdentity {
    const version = this.registries.version + this.podChanges;
    const { identity, own, treeVersion } = entry;
    const isKnown = own !== undefined && entry.version === version && !entry.isChanged;
    if (identity && isKnown && (treeVersion === this.treeVersion || !this.isOfTree(entry, own)))
      return identity;
    const found = isKnown ? own : this.decide(entry);
    entry.own = found;
    entry.version = version;
    entry.isChanged = false;
    const next = this.isOfTree(entry, found) ? this.asInTree(found, entry.process) : found;
    const isSame = identity !== undefined && JSON.stringify(identity) === JSON.stringify(next);
    if (!isSame && entry.gpus().length > 0) this.treeVersion += 1;
    entry.treeVersion = this.treeVersion;
    entry.identity = isSame ? identity : next;
    return entry.identity;
  }

  private decide(entry: Remembered): OwnerIdentity {
    const gpus = entry.gpus();
    const shares = this.sharesWithPods(entry, gpus);
    return decideOwner(caseOf(entry.process, gpus, this.registries, shares), this.settings);
  }

  private isOfTree(entry: Remembered, own: OwnerIdentity): boolean {
    return WEAK_RULES.has(own.rule) && entry.gpus().length === 0;
  }

  /**
   * A process that holds no device goes with the nearest one above it that does, where both are of
   * one person: what it says of itself does not take it out of that tree.
   */
  private asInTree(own: OwnerIdentity, process: ProcessSighting): OwnerIdentity {
    for (const ancestor of process.lineage ?? []) {
      const above = this.memory.find(ancestor);
      if (!above || above.gpus().length === 0) continue;
      const identity = this.resolved(above);
      if (identity.proven.user !== own.proven.user) return own;
      const { owner, rule, proven } = identity;
      const reason = `it descends from pid ${ancestor.pid}: ${identity.reason}`;
      return { ...own, owner, rule, reason, proven: { ...proven, ...own.proven } };
    }
    return own;
  }

  private notePods(gpu: number, list: readonly ProcessSighting[]): void {
    const pods = [...new Set(list.flatMap((process) => podOf(process) ?? []))].sort().join(" ");
    if (pods === (this.podsOn.get(gpu) ?? "")) return;
    this.podsOn.set(gpu, pods);
    this.podChanges += 1;
  }

  private sharesWithPods({ process }: Remembered, gpus: readonly number[]): boolean {
    const own = podOf(process);
    const there = gpus.flatMap((gpu) => this.podsOn.get(gpu)?.split(" ") ?? []);
    return there.some((uid) => uid !== "" && uid !== own);
  }
}

function podOf({ cgroup }: ProcessSighting): string | undefined {
  const scope = cgroup?.includes("pod") ? scopeOf(cgroup) : undefined;
  return scope?.kind === "pod" ? scope.uid : undefined;
}
