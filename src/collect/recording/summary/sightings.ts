import type { ProcessSighting } from "../../../model/sample.ts";
import { BoundedSet } from "../bounded.ts";
import type { SightingSummary } from "./types.ts";

const MAX_PIDS = 65_536;

/** Lists of processes, as they come in. */
export class SightingTrack {
  readonly #pids = new BoundedSet(MAX_PIDS);
  #lists = 0;
  #emptyLists = 0;
  #mostAtOnce = 0;
  #exited = 0;

  add(list: readonly ProcessSighting[]): void {
    this.#lists += 1;
    if (list.length === 0) this.#emptyLists += 1;
    this.#mostAtOnce = Math.max(this.#mostAtOnce, list.length);
    for (const { pid, exited } of list) {
      this.#pids.add(pid);
      if (exited) this.#exited += 1;
    }
  }

  summary(): SightingSummary {
    return {
      lists: this.#lists,
      emptyLists: this.#emptyLists,
      pids: this.#pids.size,
      isLowerBound: this.#pids.isFull,
      mostAtOnce: this.#mostAtOnce,
      exited: this.#exited,
    };
  }
}
