import type { Incident } from "../../model/incident.ts";
import type { OwnerFacts } from "../../model/owner.ts";
import type { Hash } from "../rules/change.ts";
import { storyKeys } from "./keys.ts";

/** What is proven of an owner, by its key; undefined where nothing is known. */
export type FactsOf = (ownerKey: string) => OwnerFacts | undefined;

/** Incidents that belong together, oldest first: two at least. */
export interface Story {
  id: string;
  incidents: readonly Incident[];
}

interface Entry {
  incident: Incident;
  /** Gap that each of its keys allows. */
  keys: ReadonlyMap<string, number>;
}

/**
 * Joins incidents that have a key in common and are no further apart than it allows, over any number
 * of steps. A function of the set: the order in which incidents are given changes nothing.
 */
export class StoryIndex {
  private readonly hash: Hash;
  private readonly entries = new Map<string, Entry>();
  private readonly byKey = new Map<string, Set<string>>();
  /** Of a key, until one of its incidents changes: the runs that its incidents are in, by id. */
  private readonly runs = new Map<string, ReadonlyMap<string, readonly Entry[]>>();
  /** Until any incident changes. */
  private readonly known = new Map<string, Story | undefined>();

  constructor(incidents: Iterable<Incident>, factsOf: FactsOf, hash: Hash) {
    this.hash = hash;
    for (const incident of incidents) this.put(incident, factsOf);
  }

  /** Adds an incident, or takes its newest state instead of an older one. */
  put(incident: Incident, factsOf: FactsOf): void {
    this.remove(incident.id);
    const keys = new Map(
      storyKeys(incident, factsOf(incident.ownerKey ?? "")).map(({ key, maxGapMs }) => [
        key,
        maxGapMs,
      ]),
    );
    this.entries.set(incident.id, { incident, keys });
    for (const key of keys.keys()) {
      const ids = this.byKey.get(key) ?? new Set<string>();
      this.byKey.set(key, ids.add(incident.id));
      this.runs.delete(key);
    }
  }

  remove(id: string): void {
    for (const key of this.entries.get(id)?.keys.keys() ?? []) {
      const ids = this.byKey.get(key);
      ids?.delete(id);
      if (ids?.size === 0) this.byKey.delete(key);
      this.runs.delete(key);
    }
    this.known.clear();
    this.entries.delete(id);
  }

  /** The story of an incident; undefined where it stands alone or is not known. */
  storyOf(id: string): Story | undefined {
    const start = this.entries.get(id);
    if (!start) return undefined;
    if (this.known.has(id)) return this.known.get(id);
    const found = new Map([[id, start]]);
    const walked = new Set<readonly Entry[]>();
    for (const { incident, keys } of found.values())
      for (const key of keys.keys()) {
        const run = this.runsOf(key).get(incident.id) ?? [];
        if (walked.has(run)) continue;
        walked.add(run);
        for (const other of run) found.set(other.incident.id, other);
      }
    const story = this.told(found);
    for (const member of found.keys()) this.known.set(member, story);
    return story;
  }

  private told(found: ReadonlyMap<string, Entry>): Story | undefined {
    const incidents = [...found.values()].map(({ incident }) => incident).sort(byTime);
    const [first] = incidents;
    if (!first || incidents.length < 2) return undefined;
    // A name once told stays; of two stories that grow together it is the older one's.
    const told = incidents.find(({ story }) => story !== undefined)?.story;
    return { id: told ?? `sto_${this.hash(first.id)}`, incidents };
  }

  /** Every story once, the one with the newest incident first. */
  stories(): Story[] {
    const seen = new Set<string>();
    const found: Story[] = [];
    for (const id of this.entries.keys()) {
      if (seen.has(id)) continue;
      const story = this.storyOf(id);
      for (const { id: member } of story?.incidents ?? []) seen.add(member);
      if (story) found.push(story);
    }
    const newest = ({ incidents }: Story): number => incidents.at(-1)?.startedAtMs ?? 0;
    return found.sort((a, b) => newest(b) - newest(a) || (a.id < b.id ? -1 : 1));
  }

  /** Those with the key in runs that no gap longer than it allows parts, by the id of each. */
  private runsOf(key: string): ReadonlyMap<string, readonly Entry[]> {
    const known = this.runs.get(key);
    if (known) return known;
    const all = [...(this.byKey.get(key) ?? [])]
      .flatMap((each) => this.entries.get(each) ?? [])
      .sort((a, b) => byTime(a.incident, b.incident));
    const byId = new Map<string, readonly Entry[]>();
    let run: Entry[] = [];
    let endMs = Number.NEGATIVE_INFINITY;
    for (const entry of all) {
      const { incident, keys } = entry;
      if (incident.startedAtMs - endMs > (keys.get(key) ?? 0)) run = [];
      run.push(entry);
      byId.set(incident.id, run);
      endMs = Math.max(endMs, endOf(incident));
    }
    this.runs.set(key, byId);
    return byId;
  }
}

/** What fires goes on. */
function endOf({ state, resolvedAtMs, updatedAtMs }: Incident): number {
  return state === "resolved" ? (resolvedAtMs ?? updatedAtMs) : Number.POSITIVE_INFINITY;
}

function byTime(a: Incident, b: Incident): number {
  return a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
