import { join } from "node:path";
import { listNames, namesLike, readText } from "./files.ts";
import { parseCount, parseKfdNode } from "./parse.ts";

/**
 * Who computes through AMD's `/dev/kfd`, as all of ROCm does. Its queues are fed past the kernel, so
 * fdinfo counts none of that work; what there is stands in `/sys/class/kfd/kfd/proc/PID`, readable for
 * everyone (drivers/gpu/drm/amd/amdkfd/kfd_process.c): `vram_<gpu>` in bytes, and a folder a queue.
 * How busy a process keeps the device is nowhere. `sdma_<gpu>` and `cu_occupancy` are not read: the
 * one runs a job in the process's memory, the other stops at the device's registers.
 */
export interface KfdUse {
  vramBytes: number | undefined;
  hasQueue: boolean;
}

/** By process, then by the PCI address (without function) of the device. */
export type KfdProcesses = ReadonlyMap<number, ReadonlyMap<string, KfdUse>>;

/** Devices of one machine and queues of one process, with room to spare. */
const MAX_NODES = 256;
const MAX_PROCESSES = 1024;
const MAX_QUEUES = 1024;
/** After this a process is read in full; until then only what it had, and whether its queues changed. */
const REFRESH_MS = 5000;

/** What one process had when it was last read in full. */
interface Known {
  readAtMs: number;
  /** The names of its queues. */
  queues: string;
  /** The driver's numbers of the devices with a queue of its own. */
  withQueue: ReadonlySet<number>;
  /** And of those with memory. */
  withMemory: ReadonlySet<number>;
}

export class KfdReader {
  readonly #root: string;
  /** PCI address (without function) by the driver's number of the device. */
  #locations = new Map<number, string>();
  #known = new Map<number, Known>();

  constructor(sysRoot: string) {
    this.#root = join(sysRoot, "class", "kfd", "kfd");
  }

  /** Finds the devices anew. */
  relist(): void {
    const nodes = join(this.#root, "topology", "nodes");
    const locations = new Map<number, string>();
    for (const name of namesLike(nodes, /^\d+$/).slice(0, MAX_NODES)) {
      const gpuId = readText(join(nodes, name, "gpu_id")) ?? "";
      const node = parseKfdNode(gpuId, readText(join(nodes, name, "properties")) ?? "");
      if (node) locations.set(node.gpuId, node.location);
    }
    this.#locations = locations;
    this.#known.clear();
  }

  /**
   * @param nowMs monotonic
   * @returns undefined where the kernel does not tell, or more than can be looked through in time
   */
  read(nowMs: number): KfdProcesses | undefined {
    const root = join(this.#root, "proc");
    const names = listNames(root);
    if (typeof names === "string" || names.length > MAX_PROCESSES) return undefined;
    const processes = new Map<number, ReadonlyMap<string, KfdUse>>();
    const known = new Map<number, Known>();
    for (const name of names) {
      const pid = parseCount(name);
      if (pid === undefined) continue;
      const path = join(root, name);
      const queues = namesLike(join(path, "queues"), /^\d+$/).slice(0, MAX_QUEUES);
      const now = this.#stillHolds(pid, queues, nowMs) ?? this.#readAll(path, queues, nowMs);
      known.set(pid, now);
      processes.set(pid, this.#usesOf(path, now));
    }
    this.#known = known;
    return processes;
  }

  #stillHolds(pid: number, queues: readonly string[], nowMs: number): Known | undefined {
    const known = this.#known.get(pid);
    const isFresh = known?.queues === queues.join() && nowMs - known.readAtMs < REFRESH_MS;
    return isFresh ? known : undefined;
  }

  #readAll(path: string, queues: readonly string[], nowMs: number): Known {
    const withQueue = new Set<number>();
    for (const queue of queues) {
      const gpuId = parseCount(readText(join(path, "queues", queue, "gpuid")) ?? "");
      if (gpuId !== undefined) withQueue.add(gpuId);
    }
    const all = [...this.#locations.keys()];
    const withMemory = new Set(all.filter((gpuId) => (readMemory(path, gpuId) ?? 0) > 0));
    return { readAtMs: nowMs, queues: queues.join(), withQueue, withMemory };
  }

  #usesOf(path: string, { withQueue, withMemory }: Known): Map<string, KfdUse> {
    const uses = new Map<string, KfdUse>();
    for (const gpuId of new Set([...withQueue, ...withMemory])) {
      const location = this.#locations.get(gpuId);
      if (location === undefined) continue;
      const before = uses.get(location);
      const bytes = readMemory(path, gpuId);
      // The partitions of one card add up.
      const vramBytes = bytes === undefined ? before?.vramBytes : bytes + (before?.vramBytes ?? 0);
      const hasQueue = withQueue.has(gpuId) || before?.hasQueue === true;
      uses.set(location, { vramBytes, hasQueue });
    }
    return uses;
  }
}

function readMemory(path: string, gpuId: number): number | undefined {
  return parseCount(readText(join(path, `vram_${gpuId}`)) ?? "");
}
