import type { GapObservation } from "../../../model/observation.ts";
import type { Window } from "../../../model/window.ts";
import { LongestStretches } from "../bounded.ts";

/** Gaps of this many sources are joined with what follows them. */
const MAX_OPEN = 256;

/**
 * The gaps a recording names. A source that stays away is told of attempt by attempt: stretches of
 * one source and reason that touch become one.
 */
export class GapLog {
  readonly #stretches: LongestStretches<GapObservation>;
  readonly #open = new Map<string, GapObservation>();

  /** @param limit how many are kept: the longest */
  constructor(limit: number) {
    this.#stretches = new LongestStretches(limit);
  }

  add(gap: GapObservation): void {
    const key = JSON.stringify([gap.source, gap.gpu, gap.reason]);
    const before = this.#open.get(key);
    if (before && gap.fromMs <= before.toMs && gap.fromMs >= before.fromMs) {
      before.toMs = Math.max(before.toMs, gap.toMs);
      return;
    }
    if (before) this.#close(key, before);
    else if (this.#open.size >= MAX_OPEN) this.#closeAll();
    this.#open.set(key, { ...gap });
  }

  finish(): { gaps: GapObservation[]; count: number } {
    this.#closeAll();
    return { gaps: this.#stretches.list(), count: this.#stretches.count };
  }

  #closeAll(): void {
    for (const [key, gap] of this.#open) this.#close(key, gap);
  }

  #close(key: string, gap: GapObservation): void {
    this.#open.delete(key);
    this.#stretches.add(gap);
  }
}

/** Whether one of the gaps tells of some part of the hole: then it was announced. */
export function isAnnounced(hole: Window, gpu: number, gaps: readonly GapObservation[]): boolean {
  return gaps.some(
    (gap) =>
      (gap.gpu === undefined || gap.gpu === gpu) &&
      gap.fromMs < hole.toMs &&
      gap.toMs > hole.fromMs,
  );
}
