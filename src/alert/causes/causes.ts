import type { KnownProcess } from "../../ledger/contract.ts";
import type { Cause, Incident } from "../../model/incident.ts";
import type { ContextObservation, RunContext } from "../../model/observation.ts";
import { Kin } from "./kinship.ts";
import { onsetsOf, processesOf } from "./onset.ts";
import { type PastIncident, Recurrences } from "./recurrence.ts";
import { timingOf } from "./timing.ts";
import { type Level, lengthText, levelOf } from "./words.ts";

/** What there is to explain an incident with. */
export interface CauseQuestion {
  incident: Incident;
  /** Unix milliseconds: what began later is not known yet. */
  atMs: number;
  /** Those of the incident's owner at least. */
  processes: readonly KnownProcess[];
  /** Those that touch the time from an hour before the incident began until now. */
  contexts: readonly ContextObservation[];
  /** Earlier incidents with what explained them then. */
  past: readonly PastIncident[];
}

/** A tool call is one thing that was done; a service is where everything was done. */
const SPECIFICITY: Readonly<Record<Level, number>> = {
  "tool call": 1,
  episode: 0.75,
  session: 0.6,
  run: 0.5,
  service: 0.3,
};

/** Time alone can make this much of the score; what connects it otherwise makes the rest. */
const BY_TIME = 0.5;
const BY_KINSHIP = 0.35;
const BY_RECURRENCE = 0.15;
/** Below it nothing is explained. */
const MIN_SCORE = 0.02;
const MAX_CAUSES = 20;

const NO_PROOF =
  "This is what its sender said of itself, and to be on at the right moment is no proof.";

/**
 * Runs, episodes and tool calls that may explain how an incident began, the best explanation first;
 * none where no context is known. Pure; the order of what is given does not matter.
 *
 * score = time × specificity × (0.5 + 0.35 kinship + 0.15 recurrence), each 0..1. From 0.6 on time and
 * at least one more thing speak for it; below 0.5 it may be a coincidence in time; below 0.2 it is
 * hardly more than that it was on.
 */
export function causesOf(question: CauseQuestion): Cause[] {
  const { incident, atMs, processes, past } = question;
  const contexts = newestWords(question.contexts).filter(({ fromMs }) => fromMs <= atMs);
  if (contexts.length === 0) return [];
  const own = processesOf(incident, processes);
  const onsets = onsetsOf(incident, own);
  const kin = new Kin(incident.ownerKey, own);
  const recurrences = new Recurrences(incident, contexts, past);
  return contexts
    .map((observation) => {
      const { kind: _, atMs: _receivedAtMs, ...context } = observation;
      const timing = timingOf(context, onsets);
      const kinship = kin.of(context, atMs);
      const recurrence = recurrences.of(context);
      const links = BY_TIME + BY_KINSHIP * kinship.score + BY_RECURRENCE * recurrence.score;
      const score = rounded(timing.score * SPECIFICITY[levelOf(context)] * links);
      return { context, score, reasons: reasonsOf(context, [timing, kinship, recurrence]) };
    })
    .filter(({ score }) => score >= MIN_SCORE)
    .sort(byScore)
    .slice(0, MAX_CAUSES);
}

function reasonsOf(
  context: RunContext,
  found: readonly { reason: string | undefined }[],
): string[] {
  const { skewMs } = context;
  const skew =
    skewMs === undefined
      ? []
      : [
          `Its sender's clock was about ${lengthText(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}: its times are corrected by that.`,
        ];
  return [...found.flatMap(({ reason }) => reason ?? []), ...skew, NO_PROOF];
}

/** Of words with one id the one that was heard last; the longer one of two heard at once. */
function newestWords(contexts: readonly ContextObservation[]): ContextObservation[] {
  const byId = new Map<string, ContextObservation>();
  const distinct = new Map<string, ContextObservation>();
  for (const context of contexts) {
    if (context.id === undefined) {
      distinct.set(textOf(context), context);
      continue;
    }
    const known = byId.get(context.id);
    if (!known || isNewer(context, known)) byId.set(context.id, context);
  }
  return [...byId.values(), ...distinct.values()];
}

function isNewer(a: ContextObservation, b: ContextObservation): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs;
  const [aTo, bTo] = [a.toMs ?? -1, b.toMs ?? -1];
  return aTo === bTo ? textOf(a) > textOf(b) : aTo > bTo;
}

function byScore(a: Cause, b: Cause): number {
  return (
    b.score - a.score ||
    b.context.fromMs - a.context.fromMs ||
    compared(a.context.id ?? "", b.context.id ?? "") ||
    compared(textOf(a.context), textOf(b.context))
  );
}

function compared(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Whoever wrote the fields in another order said the same. */
function textOf(context: RunContext & { atMs?: number }): string {
  return JSON.stringify(Object.entries(context).sort(([a], [b]) => compared(a, b)));
}

function rounded(score: number): number {
  return Math.round(Math.min(1, Math.max(0, score)) * 10_000) / 10_000;
}
