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
    }
  }

  remove(id: string): void {
    for (const key of this.entries.get(id)?.keys.keys() ?? []) {
      const ids = this.byKey.get(key);
      ids?.delete(id);
      if (ids?.size === 0) this.byKey.delete(key);
    }
    this.entries.delete(id);
  }

  /** The story of an incident; undefined where it stands alone or is not known. */
  storyOf(id: string): Story | undefined {
    const start = this.entries.get(id);
    if (!start) return undefined;
    const found = new Map([[id, start]]);
    for (const { incident, keys } of found.values())
      for (const key of keys.keys())
        for (const other of this.runAround(key, incident.id)) found.set(other.incident.id, other);
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

  /** Those with the key that no gap longer than it allows parts from the incident. */
  private runAround(key: string, id: string): Entry[] {
    const all = [...(this.byKey.get(key) ?? [])]
      .flatMap((each) => this.entries.get(each) ?? [])
      .sort((a, b) => byTime(a.incident, b.incident));
    let run: Entry[] = [];
    let endMs = Number.NEGATIVE_INFINITY;
    for (const entry of all) {
      const { incident, keys } = entry;
      if (run.length > 0 && incident.startedAtMs - endMs > (keys.get(key) ?? 0)) {
        if (run.some((each) => each.incident.id === id)) return run;
        run = [];
      }
      run.push(entry);
      endMs = Math.max(endMs, endOf(incident));
    }
    return run;
  }
}

/** What fires goes on. */
function endOf({ state, resolvedAtMs, updatedAtMs }: Incident): number {
  return state === "resolved" ? (resolvedAtMs ?? updatedAtMs) : Number.POSITIVE_INFINITY;
}

function byTime(a: Incident, b: Incident): number {
  return a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
