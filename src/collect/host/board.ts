import type { Observation } from "../../model/observation.ts";
import type { Collector } from "../contract.ts";

/** A process that a driver named as a user of a device. */
export interface HolderHint {
  pid: number;
  /** As it was told with it; of one that is not described here, nothing is known to match it with. */
  startTimeMs: number;
}

/** Who is on the devices, as far as the collectors say: what they last said of each device. */
export class HolderBoard {
  readonly #bySource = new Map<string, readonly HolderHint[]>();

  note(source: string, seen: readonly Observation[]): void {
    for (const each of seen) {
      if (each.kind !== "processes") continue;
      // One that the host could not describe may be another process here than on the driver's side.
      const hints = each.list.flatMap(({ pid, startTimeMs, exited, comm }) =>
        exited || startTimeMs === undefined || comm === undefined ? [] : [{ pid, startTimeMs }],
      );
      this.#bySource.set(`${source} ${each.gpu}`, hints);
    }
  }

  /** Each process once. */
  hints(): HolderHint[] {
    const all = [...this.#bySource.values()].flat();
    const byKey = new Map(all.map((hint) => [`${hint.pid} ${hint.startTimeMs}`, hint]));
    return [...byKey.values()];
  }
}

/** A collector whose process lists are noted on the board as they pass. */
export function withBoard(collector: Collector, board: HolderBoard): Collector {
  return {
    name: collector.name,
    get minIntervalMs() {
      return collector.minIntervalMs;
    },
    get detail() {
      return collector.detail;
    },
    open: async () => collector.open(),
    collect: async (atMs) => {
      const seen = await collector.collect(atMs);
      board.note(collector.name, seen);
      return seen;
    },
    close: async () => collector.close(),
  };
}
