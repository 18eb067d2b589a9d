import { join } from "node:path";
import { readText } from "./cards.ts";
import { listNames, namesLike } from "./files.ts";
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

export class KfdReader {
  readonly #root: string;
  /** PCI address (without function) by the driver's number of the device. */
  #locations = new Map<number, string>();

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
  }

  /** Undefined where the kernel does not tell, or more than can be looked through in time. */
  read(): KfdProcesses | undefined {
    const root = join(this.#root, "proc");
    const names = listNames(root);
    if (typeof names === "string" || names.length > MAX_PROCESSES) return undefined;
    const processes = new Map<number, ReadonlyMap<string, KfdUse>>();
    for (const name of names) {
      const pid = parseCount(name);
      if (pid !== undefined) processes.set(pid, this.#readProcess(join(root, name)));
    }
    return processes;
  }

  #readProcess(path: string): Map<string, KfdUse> {
    const uses = new Map<string, KfdUse>();
    for (const [gpuId, location] of this.#locations) {
      const bytes = parseCount(readText(join(path, `vram_${gpuId}`)) ?? "");
      const before = uses.get(location)?.vramBytes;
      // The partitions of one card add up.
      const vramBytes = bytes === undefined ? before : bytes + (before ?? 0);
      if (vramBytes !== undefined) uses.set(location, { vramBytes, hasQueue: false });
    }
    const queues = join(path, "queues");
    for (const queue of namesLike(queues, /^\d+$/).slice(0, MAX_QUEUES)) {
      const gpuId = parseCount(readText(join(queues, queue, "gpuid")) ?? "");
      const location = gpuId === undefined ? undefined : this.#locations.get(gpuId);
      if (location === undefined) continue;
      uses.set(location, { vramBytes: uses.get(location)?.vramBytes, hasQueue: true });
    }
    return uses;
  }
}
