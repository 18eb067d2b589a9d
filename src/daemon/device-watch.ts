import type { CollectorHealth } from "../collect/contract.ts";
import type { Observation } from "../model/observation.ts";
import { sanitize } from "../model/text.ts";

/** A device is silent after this many intervals without a sample, and not before so long. */
const SILENT_INTERVALS = 5;
const SILENT_MS = 10_000;

interface Watched {
  index: number;
  /** When its last sample was taken; before the first, when it was listed. */
  lastMs: number;
  intervalMs: number;
}

/** When each device of a live node was last heard of. Times in Unix milliseconds. */
export class DeviceWatch {
  private readonly byUuid = new Map<string, Watched>();
  private listed = new Map<number, { uuid: string; intervalMs: number }>();

  observe(observation: Observation): void {
    if (observation.kind === "node") {
      this.listed = new Map(
        observation.gpus.map(({ index, uuid, intervalMs = observation.intervalMs }) => [
          index,
          { uuid, intervalMs },
        ]),
      );
      const uuids = new Set(observation.gpus.map(({ uuid }) => uuid));
      for (const uuid of this.byUuid.keys()) if (!uuids.has(uuid)) this.byUuid.delete(uuid);
      for (const [index, { uuid, intervalMs }] of this.listed) {
        const lastMs = this.byUuid.get(uuid)?.lastMs ?? observation.atMs;
        if (lastMs !== undefined) this.byUuid.set(uuid, { index, lastMs, intervalMs });
      }
    }
    if (observation.kind !== "gpu") return;
    const { gpu: index, atMs: lastMs } = observation;
    const of = this.listed.get(index);
    if (of) this.byUuid.set(of.uuid, { index, lastMs, intervalMs: of.intervalMs });
  }

  /** Milliseconds since the device's last sample; undefined for one that is not listed. */
  stalenessMs(uuid: string, nowMs: number): number | undefined {
    const watched = this.byUuid.get(uuid);
    return watched && Math.max(0, nowMs - watched.lastMs);
  }

  /** A sentence for each device that is silent although its source works, or because it is gone. */
  silences(
    nowMs: number,
    collectors: readonly Pick<CollectorHealth, "name" | "state" | "detail">[],
    collectorOf: (uuid: string) => string | undefined,
  ): string[] {
    return [...this.byUuid].flatMap(([uuid, { index, lastMs, intervalMs }]) => {
      const limitMs = Math.max(SILENT_MS, SILENT_INTERVALS * intervalMs);
      const source = collectors.find(({ name }) => name === collectorOf(uuid));
      const silentMs = nowMs - lastMs;
      // Of a source that fails it is said anyway.
      const isQuiet = source === undefined || !["ready", "absent"].includes(source.state);
      if (isQuiet || silentMs <= limitMs) return [];
      const device = `gpu${index} (${sanitize(uuid, 64)})`;
      const seconds = Math.floor(silentMs / 1000);
      const why =
        source.state === "ready"
          ? `though source ${source.name} works`
          : `and source ${source.name} is gone: ${source.detail}`;
      return [`${device} has told nothing for ${seconds} s ${why}`];
    });
  }
}
