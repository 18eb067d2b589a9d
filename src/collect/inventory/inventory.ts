import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { cpu, mem, osInfo, system } from "systeminformation";
import { sanitize } from "../../model/text.ts";
import { sleep } from "../sleep.ts";

/** What a node is besides its GPUs. What the host does not tell is absent. */
export interface HostInventory {
  hostname?: string | undefined;
  os?: string | undefined;
  kernel?: string | undefined;
  architecture?: string | undefined;
  cpuModel?: string | undefined;
  cpuSockets?: number | undefined;
  /** Cores, not threads. */
  cpuCores?: number | undefined;
  cpuThreads?: number | undefined;
  memoryTotalBytes?: number | undefined;
  /** Interfaces that have an address. */
  networkInterfaces?: readonly string[] | undefined;
  /** The hypervisor's name, or `unnamed`; absent where none was found. */
  virtualization?: string | undefined;
  /** True where the agent itself runs in a container. */
  container: boolean;
}

/** Where the facts come from, by the names of `systeminformation`. */
export interface InventorySources {
  osInfo(): Promise<{
    hostname: string;
    distro: string;
    release: string;
    kernel: string;
    arch: string;
  }>;
  cpu(): Promise<{
    manufacturer: string;
    brand: string;
    cores: number;
    physicalCores: number;
    processors: number;
  }>;
  mem(): Promise<{ total: number }>;
  system(): Promise<{ model: string; virtual?: boolean; virtualHost?: string }>;
  interfaceNames(): readonly string[];
  exists(path: string): boolean;
}

const CONTAINER_MARKS = [
  "/.dockerenv",
  "/run/.containerenv",
  "/var/run/secrets/kubernetes.io/serviceaccount",
];
const CONTAINER_MODEL = "Docker Container";
const TIMEOUT_MS = 5000;

/**
 * Neither its graphics call (it runs `nvidia-smi` and waits) nor its network call (a shell for every
 * interface, of which a Kubernetes node has hundreds) is used.
 */
const HOST: InventorySources = {
  osInfo,
  cpu,
  mem,
  system,
  interfaceNames: () => Object.keys(networkInterfaces()),
  exists: existsSync,
};

/**
 * Describes the host for `doctor` and the head of a report. A source that fails, or takes over five
 * seconds, only leaves its facts out. Some of them run short child processes and wait for them: call
 * it at the start, not between ticks.
 */
export async function readInventory(sources: InventorySources = HOST): Promise<HostInventory> {
  const [os, processor, memory, machine] = await Promise.all([
    attempt(() => sources.osInfo()),
    attempt(() => sources.cpu()),
    attempt(() => sources.mem()),
    attempt(() => sources.system()),
  ]);
  return {
    hostname: text(os?.hostname),
    os: text(os?.distro, os?.release),
    kernel: text(os?.kernel),
    architecture: text(os?.arch),
    cpuModel: text(processor?.manufacturer, processor?.brand),
    cpuSockets: count(processor?.processors),
    cpuCores: count(processor?.physicalCores),
    cpuThreads: count(processor?.cores),
    memoryTotalBytes: count(memory?.total),
    networkInterfaces: (await attempt(async () => sources.interfaceNames()))?.map((n) =>
      sanitize(n),
    ),
    virtualization: machine && hypervisor(machine),
    container:
      machine?.model === CONTAINER_MODEL || CONTAINER_MARKS.some((path) => sources.exists(path)),
  };
}

/** A container counts as virtual there, also on bare metal: then only a hypervisor's name counts. */
function hypervisor(machine: { model: string; virtual?: boolean; virtualHost?: string }) {
  const name = text(machine.virtualHost);
  if (name !== undefined || machine.model === CONTAINER_MODEL) return name;
  return machine.virtual ? "unnamed" : undefined;
}

async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  const late = sleep(TIMEOUT_MS, done.signal).then(() => undefined);
  try {
    return await Promise.race([work(), late]);
  } catch {
    return undefined;
  } finally {
    done.abort();
  }
}

/** Zero and less is how the library says that it found nothing. */
function count(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function text(...parts: (string | undefined)[]): string | undefined {
  const joined = parts.filter((part) => part !== undefined && part !== "").join(" ");
  return joined === "" ? undefined : sanitize(joined);
}
