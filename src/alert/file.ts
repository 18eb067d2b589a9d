import type { KnownProcess } from "../ledger/contract.ts";
import type { Cause, Incident } from "../model/incident.ts";
import type { ContextObservation } from "../model/observation.ts";
import type { SliceFact } from "./facts.ts";
import { KnownWho, type WhoNews } from "./known.ts";
import type { PayloadDetails } from "./payload.ts";
import { advance, type Hash, type IncidentChange } from "./rules/change.ts";
import { storyText, storyTotals } from "./stories/totals.ts";
import { StoryIndex } from "./stories/story-index.ts";
import { UsageMeter } from "./usage.ts";

/** What the causes of an incident are looked for in. */
export interface ExplainInput {
  incident: Incident;
  /** The time it has become. */
  atMs: number;
  /** Of the incident's owner. */
  processes: readonly KnownProcess[];
  contexts: readonly ContextObservation[];
  /** Earlier incidents, newest first: what comes back each time explains better. */
  past: readonly PastIncident[];
}

/** An incident with what explained it then. */
export interface PastIncident {
  incident: Incident;
  causes: readonly Cause[];
}

export type Explain = (input: ExplainInput) => readonly Cause[];

export interface IncidentFileSettings {
  hash: Hash;
  /** As the rules have it. */
  retentionMs: number;
  explain: Explain;
}

/** A tool call may be told when it ends, or when its exporter flushes: so long is waited for it. */
const LATE_MS = 600_000;
/** Another cause must explain it better by this much to be told: calls come and go all the time. */
const BETTER_BY = 0.1;
/** Incidents that a new one may be joined to. */
export const MAX_PAST = 2000;
/** Of those, how many are looked at for what comes back. */
const MAX_COMPARED = 200;

/**
 * What is added to an incident beside its rule's own words: what it took, what may explain it, and
 * the story it belongs to. Pure: the same calls give the same answers.
 */
export class IncidentFile {
  private readonly settings: IncidentFileSettings;
  private readonly usage: UsageMeter;
  private readonly who = new KnownWho();
  private readonly stories: StoryIndex;
  private readonly past = new Map<string, Incident>();

  constructor(settings: IncidentFileSettings) {
    this.settings = settings;
    this.usage = new UsageMeter(settings.retentionMs);
    this.stories = new StoryIndex([], this.who.factsOf, settings.hash);
  }

  /** Takes final slices, before the rules judge them. */
  count(facts: readonly SliceFact[]): void {
    this.usage.observe(facts);
  }

  /** Takes what became known of those who were there. */
  take(news: WhoNews, atMs: number): void {
    const changed = new Set(this.who.take(news, atMs));
    if (changed.size === 0) return;
    for (const incident of this.past.values())
      if (changed.has(incident.ownerKey ?? "")) this.stories.put(incident, this.who.factsOf);
  }

  /** The change with everything that is known of its incident. */
  complete({ action, incident }: IncidentChange, atMs: number): IncidentChange {
    const usage = this.usage.usageOf(incident);
    const before = incident.causes ?? this.past.get(incident.id)?.causes;
    const causes = action === "opened" ? this.causesOf(incident, atMs) : before;
    const known: Incident = { ...incident, usage, causes };
    this.remember(known);
    const story = this.stories.storyOf(known.id)?.id ?? known.story;
    const whole = story === undefined ? known : { ...known, story };
    this.remember(whole);
    return { action, incident: whole };
  }

  /** What came to light only after the opening: an update where another cause explains it best now. */
  lateCauses(open: readonly Incident[], news: WhoNews, atMs: number): IncidentChange[] {
    if (!news.contexts?.length) return [];
    return open.flatMap((incident): IncidentChange[] => {
      const { firedAtMs, state } = incident;
      if (state !== "firing" || firedAtMs === undefined) return [];
      if (atMs - firedAtMs > LATE_MS) return [];
      const causes = this.causesOf(incident, atMs);
      if (bestOf(causes) === bestOf(incident.causes)) return [];
      if (scoreOf(causes) < scoreOf(incident.causes) + BETTER_BY) return [];
      return [{ action: "updated", incident: advance(incident, atMs, { causes }) }];
    });
  }

  /** What a message says beside the incident itself. */
  detailsOf(incident: Incident): PayloadDetails {
    const story = this.stories.storyOf(incident.id);
    return {
      processes: this.who.processesOf(incident.ownerKey ?? ""),
      story: story && {
        id: incident.story ?? story.id,
        text: storyText(story, incident.id),
        totals: storyTotals(story),
      },
    };
  }

  /**
   * Continues after a restart.
   * @param incidents newest state of all that a story may hold; the usage of those that fire is
   * counted anew from the ledger's slices
   */
  restore(
    incidents: readonly Incident[],
    facts: readonly SliceFact[],
    news: WhoNews,
    atMs: number,
  ): void {
    this.who.take(news, atMs);
    this.usage.restore(
      incidents.filter(({ state }) => state === "firing"),
      facts,
    );
    for (const incident of [...incidents].sort((a, b) => a.updatedAtMs - b.updatedAtMs))
      this.remember(incident);
  }

  private causesOf(incident: Incident, atMs: number): readonly Cause[] | undefined {
    const others = [...this.past.values()].reverse().filter(({ id }) => id !== incident.id);
    const past = others
      .slice(0, MAX_COMPARED)
      .map((other) => ({ incident: other, causes: other.causes ?? [] }));
    const causes = this.settings.explain({
      incident,
      atMs,
      processes: this.who.processesOf(incident.ownerKey ?? ""),
      contexts: this.who.contexts(),
      past,
    });
    return causes.length === 0 ? undefined : causes;
  }

  private remember(incident: Incident): void {
    this.past.delete(incident.id);
    this.past.set(incident.id, incident);
    this.stories.put(incident, this.who.factsOf);
    const [oldest] = this.past.keys();
    if (this.past.size <= MAX_PAST || oldest === undefined) return;
    this.past.delete(oldest);
    this.stories.remove(oldest);
  }
}

/** What the best cause is, whatever its score has become. */
function scoreOf(causes: readonly Cause[] | undefined): number {
  return causes?.[0]?.score ?? 0;
}

function bestOf(causes: readonly Cause[] | undefined): string {
  const context = causes?.[0]?.context;
  if (!context) return "";
  const { id, fromMs, service, agent, run, episode, session, tool } = context;
  return id ?? JSON.stringify([fromMs, service, agent, run, episode, session, tool]);
}
