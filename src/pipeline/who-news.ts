import type { Ownership } from "../attribute/ownership.ts";
import { OWNER_FACTS, type OwnerFacts, type OwnerIdentity, ownerKey } from "../model/owner.ts";
import type { Observation } from "../model/observation.ts";
import type { ProcessSighting } from "../model/sample.ts";
import type { PipelineEvent } from "./events.ts";
import { setNewest } from "../model/recent.ts";

/** Owners and processes that are remembered as told; of an older one everything is told again. */
const MAX_OWNERS = 4096;
const MAX_PROCESSES = 20_000;
/** Values of a fact, such as the ranks of a job's processes, and sentences that an owner's record holds. */
const MAX_VALUES = 16;
const MAX_CONFLICTS = 8;

interface ToldOwner {
  identity: OwnerIdentity;
  atMs: number;
}

interface ToldProcess {
  identity: OwnerIdentity;
  process: ProcessSighting;
  gpuUuids: Set<string>;
  firstSeenMs: number;
}

/** What is new of owners and their processes since it was last told. Bounded. */
export class WhoNews {
  private readonly ownership: Ownership;
  private readonly owners = new Map<string, ToldOwner>();
  private readonly processes = new Map<string, ToldProcess>();
  /** Keys of what is not told yet: a look at all that is known would take as long as that is much. */
  private readonly newOwners = new Set<string>();
  private readonly newProcesses = new Set<string>();

  constructor(ownership: Ownership) {
    this.ownership = ownership;
  }

  /** After `ownership` has seen it. */
  note(observation: Observation, agentPids: () => ReadonlySet<number>): void {
    if (observation.kind !== "processes" && observation.kind !== "host") return;
    const { atMs, list } = observation;
    if (list.length === 0) return;
    const agents = agentPids();
    for (const process of list) if (!agents.has(process.pid)) this.noteProcess(process, atMs);
  }

  /** Owners before their processes, each in the order in which it became news. */
  drain(node: string): PipelineEvent[] {
    const events: PipelineEvent[] = [];
    for (const key of this.newOwners) {
      const told = this.owners.get(key);
      if (told) events.push({ kind: "owner", node, identity: told.identity, atMs: told.atMs });
    }
    for (const processKey of this.newProcesses) {
      const told = this.processes.get(processKey);
      if (!told) continue;
      const { process, identity, firstSeenMs: atMs } = told;
      const gpuUuids = [...told.gpuUuids].sort();
      const key = ownerKey(identity.owner);
      events.push({ kind: "process", node, ownerKey: key, process, gpuUuids, atMs });
    }
    this.newOwners.clear();
    this.newProcesses.clear();
    return events;
  }

  private noteProcess(process: ProcessSighting, atMs: number): void {
    const identity = this.ownership.identityOf(process);
    const gpuUuids = this.ownership.devicesOf(process);
    const key = this.ownership.keyOf(process);
    const known = this.processes.get(key);
    const isNewThere = gpuUuids.some((uuid) => !known?.gpuUuids.has(uuid));
    if (known && known.identity === identity && !isNewThere) return;
    const isSameOwner = known && ownerKey(known.identity.owner) === ownerKey(identity.owner);
    this.noteOwner(identity, atMs);
    if (!isSameOwner || isNewThere) this.newProcesses.add(key);
    const seen = new Set([...(known?.gpuUuids ?? []), ...gpuUuids]);
    const told = { identity, process, gpuUuids: seen, firstSeenMs: known?.firstSeenMs ?? atMs };
    setNewest(this.processes, key, told, MAX_PROCESSES);
  }

  /** An owner's record says what is known of all of his processes. */
  private noteOwner(identity: OwnerIdentity, atMs: number): void {
    const key = ownerKey(identity.owner);
    const known = this.owners.get(key);
    const next = known ? together(known.identity, identity) : identity;
    const isNews = !known || JSON.stringify(next) !== JSON.stringify(known.identity);
    if (isNews) this.newOwners.add(key);
    const told = { identity: next, atMs: isNews ? atMs : known.atMs };
    setNewest(this.owners, key, told, MAX_OWNERS);
  }
}

/** How he was found first stays; facts gather, several values of one in a list. */
function together(known: OwnerIdentity, more: OwnerIdentity): OwnerIdentity {
  const conflicts = [...new Set([...known.conflicts, ...more.conflicts])];
  return {
    ...known,
    proven: gathered(known.proven, more.proven),
    declared: gathered(known.declared, more.declared),
    conflicts: conflicts.slice(0, MAX_CONFLICTS),
  };
}

const BETWEEN = ", ";

function gathered(known: OwnerFacts, more: OwnerFacts): OwnerFacts {
  const facts: OwnerFacts = {};
  for (const fact of OWNER_FACTS) {
    const values = new Set([known[fact]?.split(BETWEEN) ?? [], more[fact] ?? []].flat());
    const shown = [...values].slice(0, MAX_VALUES);
    if (shown.length > 0) facts[fact] = shown.join(BETWEEN);
  }
  return facts;
}
