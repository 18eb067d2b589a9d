import type { Cause, Incident } from "../../model/incident.ts";
import type { ContextObservation, RunContext } from "../../model/observation.ts";
import { nameText } from "./words.ts";

/** How much oftener something was on when incidents began than it is on at all. */
export interface Recurrence {
  /** 0..1. */
  score: number;
  reason: string | undefined;
}

export interface PastIncident {
  incident: Incident;
  causes: readonly Cause[];
}

/** What may come back. A session or an episode does not: it ends. */
const KEYS = ["tool", "agent", "container", "image", "service"] as const;
type Key = (typeof KEYS)[number];

/** How often something is on is judged by the hour before the incident. */
export const BASE_WINDOW_MS = 3_600_000;
/** Explanations worse than this were none. */
const MIN_PAST_SCORE = 0.1;
/** Nothing is taken to be rarer: an hour is no long memory. */
const MIN_BASE = 0.01;
/** So many times as often as by chance counts in full. */
const FULL_LIFT = 20;
/** What is not twice as often there as by chance is there by chance. */
const MIN_LIFT = 2;

/**
 * Lift over earlier incidents, not count: a service that always runs was on at every one of them and
 * explains none. Made once for an incident, asked for each context.
 */
export class Recurrences {
  readonly #past: readonly ReadonlySet<string>[];
  readonly #base: ReadonlyMap<string, number>;

  constructor(
    incident: Incident,
    contexts: readonly ContextObservation[],
    past: readonly PastIncident[],
  ) {
    const others = new Map(past.map((each) => [each.incident.id, each]));
    others.delete(incident.id);
    this.#past = [...others.values()].map(({ causes }) => {
      const counted = causes.filter(({ score }) => score >= MIN_PAST_SCORE);
      return new Set(counted.flatMap(({ context }) => keysOf(context).map(textOf)));
    });
    // Without earlier incidents nothing recurs: spares the sums.
    this.#base = this.#past.length === 0 ? new Map() : shares(contexts, incident.startedAtMs);
  }

  of(context: RunContext): Recurrence {
    let best: Recurrence = { score: 0, reason: undefined };
    for (const key of keysOf(context)) {
      const one = this.#ofKey(key);
      if (one.score > best.score) best = one;
    }
    return best;
  }

  #ofKey(key: KeyOf): Recurrence {
    const none = { score: 0, reason: undefined };
    const text = textOf(key);
    const count = this.#past.filter((keys) => keys.has(text)).length;
    if (count === 0) return none;
    const base = Math.min(1, Math.max(MIN_BASE, this.#base.get(text) ?? 0));
    // Half an incident of each kind is added, so that one of one is not "always".
    const rate = (count + 0.5) / (this.#past.length + 1);
    const lift = rate / base;
    if (lift < MIN_LIFT) return none;
    const strength = Math.min(1, Math.log(lift) / Math.log(FULL_LIFT));
    const share = base <= MIN_BASE ? "1 % or less" : `${Math.round(100 * base)} %`;
    return {
      score: (strength * count) / (count + 1),
      reason:
        `${capital(key.key)} ${nameText(key.value)} was also on when ${count} of ${this.#past.length} earlier ` +
        `incidents began, and during ${share} of the hour before this one: ${Math.round(lift)} times as often as by chance.`,
    };
  }
}

interface KeyOf {
  key: Key;
  value: string;
}

function keysOf(context: RunContext): KeyOf[] {
  return KEYS.flatMap((key) => {
    const value = context[key];
    return value === undefined ? [] : [{ key, value }];
  });
}

function textOf({ key, value }: KeyOf): string {
  return `${key} ${value}`;
}

/** The share of the hour before `atMs` in which something was on, by key. */
function shares(contexts: readonly ContextObservation[], atMs: number): Map<string, number> {
  const beginMs = atMs - BASE_WINDOW_MS;
  const stretches = new Map<string, [number, number][]>();
  for (const context of contexts) {
    const fromMs = Math.max(beginMs, context.fromMs);
    const toMs = Math.min(atMs, context.toMs ?? atMs);
    if (toMs <= fromMs) continue;
    for (const key of keysOf(context).map(textOf)) {
      const known = stretches.get(key);
      if (known) known.push([fromMs, toMs]);
      else stretches.set(key, [[fromMs, toMs]]);
    }
  }
  return new Map([...stretches].map(([key, all]) => [key, covered(all) / BASE_WINDOW_MS]));
}

/** The length that stretches cover together, what several cover once. */
function covered(stretches: readonly [number, number][]): number {
  let [sum, reached] = [0, Number.NEGATIVE_INFINITY];
  for (const [from, to] of [...stretches].sort((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return sum;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
