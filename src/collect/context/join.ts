import type { RunContext } from "../../model/observation.ts";
import { hashOf, type Mapped } from "./map.ts";
import { setNewest } from "../../model/recent.ts";

/** Calls and services that are remembered; of more the one that was quiet longest is forgotten. */
const MAX_REMEMBERED = 4096;
/** After this much silence of a service the next word begins a new stretch. */
const FOLD_GAP_MS = 600_000;
/** A stretch that grew by less is not told anew. */
const FOLD_STEP_MS = 60_000;

interface Stretch {
  context: RunContext;
  /** Up to where it was told. */
  toldToMs: number;
}

/**
 * Joins what belongs together: the words on one tool call, which come as its beginning and its end, and
 * all the spans and logs of a service that are nothing in particular, which become stretches of time in
 * which it was at work. In bounded memory. No clock, no I/O.
 */
export class ContextJoin {
  readonly #calls = new Map<string, RunContext>();
  readonly #stretches = new Map<string, Stretch>();

  /** Calls and stretches that are remembered. */
  get size(): number {
    return this.#calls.size + this.#stretches.size;
  }

  /** What there is to tell now that this was heard: undefined where it adds nothing. */
  take({ context, keep }: Mapped): RunContext | undefined {
    if (keep === "folded") return this.#fold(context);
    const { id } = context;
    return keep === "whole" || id === undefined ? context : this.#call(context, id);
  }

  #call(context: RunContext, id: string): RunContext {
    const known = this.#calls.get(id);
    const joined = known ? joinedOf(known, context) : context;
    setNewest(this.#calls, id, joined, MAX_REMEMBERED);
    return joined;
  }

  #fold(context: RunContext): RunContext | undefined {
    const { fromMs, toMs = fromMs, pids, arguments: _, id: _id, ...names } = context;
    const key = JSON.stringify(Object.entries(names).sort());
    const known = this.#stretches.get(key);
    if (
      !known ||
      fromMs > endOf(known) + FOLD_GAP_MS ||
      toMs < known.context.fromMs - FOLD_GAP_MS
    ) {
      const id = `work:${hashOf([key, String(fromMs)])}`;
      const begun = { ...names, fromMs, toMs, id, ...(pids && { pids }) };
      setNewest(this.#stretches, key, { context: begun, toldToMs: toMs }, MAX_REMEMBERED);
      return begun;
    }
    const grown = {
      ...known.context,
      fromMs: Math.min(fromMs, known.context.fromMs),
      toMs: Math.max(toMs, endOf(known)),
    };
    const isNews =
      grown.toMs >= known.toldToMs + FOLD_STEP_MS ||
      known.context.fromMs - grown.fromMs >= FOLD_STEP_MS;
    // What is not told yet must not be lost to the sum of small steps.
    const told = isNews ? grown : { ...grown, fromMs: known.context.fromMs };
    setNewest(
      this.#stretches,
      key,
      {
        context: told,
        toldToMs: isNews ? grown.toMs : known.toldToMs,
      },
      MAX_REMEMBERED,
    );
    return isNews ? grown : undefined;
  }
}

function endOf({ context: { fromMs, toMs = fromMs } }: Stretch): number {
  return toMs;
}

/** Its beginning is the earliest that was said, its end the latest; of the rest the newer word counts. */
function joinedOf(before: RunContext, now: RunContext): RunContext {
  const toMs = Math.max(before.toMs ?? 0, now.toMs ?? 0);
  const pids = [...new Set([...(before.pids ?? []), ...(now.pids ?? [])])];
  return {
    ...before,
    ...now,
    fromMs: Math.min(before.fromMs, now.fromMs),
    ...(toMs > 0 && { toMs }),
    ...(pids.length > 0 && { pids }),
  };
}
