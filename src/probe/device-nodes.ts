import { access, readdir, readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";

/** A GPU as the kernel knows it. */
export interface GpuNodes {
  /** `0000:01:00.0` */
  pciAddress: string;
  /** Names below the device folder that are this GPU's alone: `nvidia0`, `dri/renderD128`. */
  nodes: readonly string[];
  /** PCI numbers; absent where they cannot be read. */
  vendorId?: number | undefined;
  deviceId?: number | undefined;
}

export interface SystemRoots {
  /** `/dev` by default. */
  deviceFolder?: string | undefined;
  /** `/proc` by default. */
  procRoot?: string | undefined;
  /** `/sys` by default. */
  sysRoot?: string | undefined;
}

const PCI_ADDRESS = /^([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i;
const DRM_NODE = /^(?:card|renderD)\d+$/;
const MAX_MINOR = 1023;

/** The form of sysfs, from that or NVML's: `00000000:C1:00.0` is `0000:c1:00.0`. */
export function pciAddressOf(text: string): string | undefined {
  const [, domain = "", bus, device, part] = PCI_ADDRESS.exec(text) ?? [];
  if (bus === undefined) return undefined;
  const short = Number.parseInt(domain, 16).toString(16).padStart(4, "0");
  return `${short}:${bus}:${device}.${part}`.toLowerCase();
}

/** The minor number in `/proc/driver/nvidia/gpus/ADDRESS/information`: of `/dev/nvidia0` it is 0. */
export function minorOf(information: string): number | undefined {
  const digits = /^Device Minor:\s*(\d{1,5})\s*$/m.exec(information)?.[1];
  const minor = digits === undefined ? undefined : Number(digits);
  return minor !== undefined && minor <= MAX_MINOR ? minor : undefined;
}

/**
 * Every GPU that has a device node here, ordered by address. Never throws: what cannot be read is
 * not there. A container's `/proc` may tell of GPUs that were not given to it: they have no node.
 */
export async function readGpuNodes(roots: SystemRoots = {}): Promise<GpuNodes[]> {
  const { deviceFolder = "/dev", procRoot = "/proc", sysRoot = "/sys" } = roots;
  const named = [...(await nvidiaNodes(procRoot)), ...(await drmNodes(sysRoot))];
  const byAddress = new Map<string, string[]>();
  for (const { pciAddress, node } of named)
    if (await exists(join(deviceFolder, node)))
      byAddress.set(pciAddress, [...(byAddress.get(pciAddress) ?? []), node]);
  const gpus: GpuNodes[] = [];
  for (const [pciAddress, nodes] of [...byAddress].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const folder = join(sysRoot, "bus/pci/devices", pciAddress);
    const vendorId = await readNumber(join(folder, "vendor"));
    const deviceId = await readNumber(join(folder, "device"));
    gpus.push({ pciAddress, nodes, vendorId, deviceId });
  }
  return gpus;
}

interface NamedNode {
  pciAddress: string;
  node: string;
}

async function nvidiaNodes(procRoot: string): Promise<NamedNode[]> {
  const folder = join(procRoot, "driver/nvidia/gpus");
  const found: NamedNode[] = [];
  for (const name of await list(folder)) {
    const pciAddress = pciAddressOf(name);
    const minor = minorOf(await readText(join(folder, name, "information")));
    if (pciAddress && minor !== undefined) found.push({ pciAddress, node: `nvidia${minor}` });
  }
  return found;
}

async function drmNodes(sysRoot: string): Promise<NamedNode[]> {
  const folder = join(sysRoot, "class/drm");
  const found: NamedNode[] = [];
  for (const name of (await list(folder)).filter((each) => DRM_NODE.test(each))) {
    const device = await realpath(join(folder, name, "device")).catch(() => "");
    const pciAddress = pciAddressOf(basename(device));
    if (pciAddress) found.push({ pciAddress, node: `dri/${name}` });
  }
  return found;
}

async function list(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.sort();
}

function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

async function readNumber(path: string): Promise<number | undefined> {
  const text = (await readText(path)).trim();
  return /^0x[0-9a-f]{1,8}$/i.test(text) ? Number(text) : undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
