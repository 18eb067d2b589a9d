import type { GapObservation, NodeObservation, Observation } from "../model/observation.ts";
import type { GpuInfo } from "../model/sample.ts";
import type { TickReading } from "./harness-types.ts";

/** A device that two collectors see: the one first in order measures it, the other's is dropped. */
export interface DuplicateDevice {
  uuid: string;
  measuredBy: string;
  droppedFrom: string;
}

/** What one collector last said of its devices. */
interface Source {
  name: string;
  isAbsent: boolean;
  node: NodeObservation | undefined;
  /** By the collector's own numbers. */
  gpus: Map<number, GpuInfo>;
}

interface Listed {
  gpu: GpuInfo;
  source: Source;
}

/**
 * One list of devices out of several collectors that each number their own. The first collector's
 * numbers stand; devices of later ones get the next free numbers and keep them while they are listed.
 * A device belongs to the first collector in order that announces it. One that has become absent
 * keeps its devices (nobody measures them) until another announces them. Pure: no clock, no I/O.
 */
export class DeviceDirectory {
  readonly #sources: readonly Source[];
  readonly #onDuplicate: ((duplicate: DuplicateDevice) => void) | undefined;
  readonly #told = new Set<string>();
  #listed = new Map<string, Listed>();
  #indices = new Map<string, number>();
  /** Numbers below it are the first collector's, also while one of its devices is away. */
  #firstFree = 0;
  #announced: string | undefined;

  /**
   * @param names the collectors, the preferred one first
   * @param onDuplicate told once for each device and collector
   */
  constructor(names: readonly string[], onDuplicate?: (duplicate: DuplicateDevice) => void) {
    this.#onDuplicate = onDuplicate;
    this.#sources = names.map((name) => ({
      name,
      isAbsent: false,
      node: undefined,
      gpus: new Map(),
    }));
  }

  /** The devices of the node, by number. */
  gpus(): GpuInfo[] {
    const all = [...this.#listed].map(([uuid, { gpu }]) => this.#numbered(gpu, uuid));
    return all.sort((a, b) => a.index - b.index);
  }

  /** The collector that measures a device. */
  collectorOf(uuid: string): string | undefined {
    return this.#listed.get(uuid)?.source.name;
  }

  /**
   * What the collectors saw in one tick as one node's observations, in the order they came in, with
   * the node's numbers. Observations of devices that are not listed, or not theirs, are left out.
   * @param atMs Unix milliseconds
   */
  merge(readings: readonly TickReading[], atMs: number): Observation[] {
    const seen = this.#noteStates(readings) ? this.#announce(atMs) : [];
    for (const { collector, observations } of readings) {
      const source = this.#sources.find(({ name }) => name === collector);
      if (!source) continue;
      for (const observation of observations) seen.push(...this.#one(observation, source, atMs));
    }
    return seen;
  }

  /** @returns whether any collector has gone or come back */
  #noteStates(readings: readonly TickReading[]): boolean {
    let changed = false;
    for (const { collector, state } of readings) {
      const source = this.#sources.find(({ name }) => name === collector);
      const isAbsent = state === "absent";
      if (!source || source.isAbsent === isAbsent) continue;
      source.isAbsent = isAbsent;
      changed = true;
    }
    return changed;
  }

  #one(observation: Observation, source: Source, atMs: number): Observation[] {
    if (observation.kind === "node") {
      source.node = observation;
      source.gpus = distinct(observation.gpus);
      return this.#announce(observation.atMs ?? atMs);
    }
    if (observation.kind === "gap" && observation.gpu === undefined)
      return this.#gap(observation, source);
    if (!("gpu" in observation) || observation.gpu === undefined) return [observation];
    const gpu = this.#indexOf(observation.gpu, source);
    if (gpu === undefined) return [];
    return [gpu === observation.gpu ? observation : { ...observation, gpu }];
  }

  /** The node's number of a collector's device; undefined where it is not the one to measure it. */
  #indexOf(local: number, source: Source): number | undefined {
    const uuid = source.gpus.get(local)?.uuid;
    if (uuid === undefined || this.#listed.get(uuid)?.source !== source) return undefined;
    return this.#indices.get(uuid);
  }

  /** A collector that fails leaves its own devices unseen, not those that others measure. */
  #gap(gap: GapObservation, source: Source): GapObservation[] {
    const own = [...this.#listed].filter(([, listed]) => listed.source === source);
    // Before any device is known nobody's time is missing.
    if (this.#listed.size === 0) return [];
    if (own.length === this.#listed.size) return [gap];
    return own.map(([uuid]) => ({ ...gap, gpu: this.#indices.get(uuid) }));
  }

  /** @returns the node's new description, where it is another than before */
  #announce(atMs: number): Observation[] {
    this.#listed = this.#arrange();
    this.#indices = this.#number();
    const node = this.#node();
    if (!node) return [];
    const shape = JSON.stringify(node);
    if (shape === this.#announced) return [];
    this.#announced = shape;
    return [{ ...node, atMs }];
  }

  /** Who measures which device: those that are there before those that are absent. */
  #arrange(): Map<string, Listed> {
    const listed = new Map<string, Listed>();
    const here = this.#sources.filter((source) => !source.isAbsent);
    const absent = this.#sources.filter((source) => source.isAbsent);
    for (const source of [...here, ...absent])
      for (const gpu of source.gpus.values()) {
        const holder = listed.get(gpu.uuid)?.source;
        if (!holder) listed.set(gpu.uuid, { gpu, source });
        else if (!source.isAbsent) this.#tellOnce(gpu.uuid, holder, source);
      }
    return listed;
  }

  #number(): Map<string, number> {
    const indices = new Map<string, number>();
    for (const gpu of this.#sources[0]?.gpus.values() ?? []) {
      indices.set(gpu.uuid, gpu.index);
      this.#firstFree = Math.max(this.#firstFree, gpu.index + 1);
    }
    const taken = new Set(indices.values());
    const rest = [...this.#listed.keys()].filter((uuid) => !indices.has(uuid));
    const give = (uuid: string, index: number): void => {
      indices.set(uuid, index);
      taken.add(index);
    };
    for (const uuid of rest) {
      const before = this.#indices.get(uuid);
      if (before !== undefined && !taken.has(before)) give(uuid, before);
    }
    for (const uuid of rest) if (!indices.has(uuid)) give(uuid, nextFree(taken, this.#firstFree));
    return indices;
  }

  /** What the collectors that measure a device said of the node; of all, where none does. */
  #descriptions(): NodeObservation[] {
    const measuring = this.#sources.filter((source) =>
      [...this.#listed.values()].some((listed) => listed.source === source),
    );
    const told = measuring.flatMap(({ node }) => node ?? []);
    return told.length > 0 ? told : this.#sources.flatMap(({ node }) => node ?? []);
  }

  #node(): NodeObservation | undefined {
    const [first, ...others] = this.#descriptions();
    if (!first) return undefined;
    const all = [first, ...others];
    const { overhead, ...rest } = first;
    return {
      ...rest,
      // What one of several collectors costs is not the node's.
      ...(others.length === 0 && overhead ? { overhead } : {}),
      atMs: undefined,
      source: all.map(({ source }) => source).join("+"),
      simulated: all.some(({ simulated }) => simulated),
      gpus: this.gpus(),
    };
  }

  #numbered(gpu: GpuInfo, uuid: string): GpuInfo {
    const index = this.#indices.get(uuid) ?? gpu.index;
    const intervalMs = this.#listed.get(uuid)?.source.node?.intervalMs;
    // The node's interval is that of its first source: who reads at another rate says so.
    if (intervalMs === undefined || intervalMs === this.#descriptions()[0]?.intervalMs)
      return index === gpu.index ? gpu : { ...gpu, index };
    return { ...gpu, index, intervalMs };
  }

  #tellOnce(uuid: string, holder: Source, source: Source): void {
    const key = JSON.stringify([uuid, source.name]);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#onDuplicate?.({ uuid, measuredBy: holder.name, droppedFrom: source.name });
  }
}

/** By number; of two with one number or one uuid the first. */
function distinct(gpus: readonly GpuInfo[]): Map<number, GpuInfo> {
  const byIndex = new Map<number, GpuInfo>();
  const uuids = new Set<string>();
  for (const gpu of gpus) {
    if (byIndex.has(gpu.index) || uuids.has(gpu.uuid)) continue;
    uuids.add(gpu.uuid);
    byIndex.set(gpu.index, gpu);
  }
  return byIndex;
}

function nextFree(taken: ReadonlySet<number>, from: number): number {
  let index = from;
  while (taken.has(index)) index += 1;
  return index;
}
