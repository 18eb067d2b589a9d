import type { GpuInfo } from "../model/sample.ts";
import { type GpuNodes, pciAddressOf } from "./device-nodes.ts";
import { type NamespaceAbility, privateDevices } from "./private-devices.ts";

/** How a device process is started so that the GPU it opens is the wanted one. */
export interface Binding {
  /**
   * `only-gpu`: nothing else could be opened. `namespace`: it sees no other GPU's device files.
   * `environment`: drivers and loader are asked to show no other, which not all of them heed.
   * `none`: it opens whichever comes first.
   */
  kind: "only-gpu" | "namespace" | "environment" | "none";
  /** In words: how, or why no better. */
  reason: string;
  environment: Readonly<Record<string, string>>;
  /** For `DeviceOptions.wrapper`. */
  wrapper: readonly string[];
}

export interface BindingFacts {
  /** Of the whole node, integrated ones too. */
  nodes: readonly GpuNodes[];
  ability: NamespaceAbility;
  /** `/dev` by default. */
  deviceFolder?: string | undefined;
}

type BindableGpu = Pick<GpuInfo, "pciBusId" | "parentUuid">;

const NVIDIA = 0x10de;
const MESA_VENDORS: ReadonlySet<number> = new Set([0x1002, 0x8086]);

/**
 * The best binding that can be had for a GPU here. None is believed: what a device process really
 * opened is confirmed by what it does there (`matchDevice`).
 */
export function bindingFor(gpu: BindableGpu, facts: BindingFacts): Binding {
  const { nodes, ability, deviceFolder } = facts;
  if (nodes.length === 0)
    return { kind: "none", reason: "no GPU's device files are known here", ...NOTHING };
  const own = ownNodes(gpu, nodes);
  if (!own)
    return {
      kind: "none",
      reason: gpu.pciBusId
        ? `no device file of PCI address ${pciAddressOf(gpu.pciBusId) ?? "unknown"} is here`
        : "its collector does not tell its PCI address",
      ...NOTHING,
    };
  if (nodes.length === 1 && gpu.parentUuid === undefined)
    return { kind: "only-gpu", reason: "the only GPU with device files here", ...NOTHING };
  const environment = environmentFor(own, nodes);
  if (gpu.parentUuid !== undefined)
    return {
      kind: "none",
      reason: "a part of a card cannot be asked for",
      ...NOTHING,
      environment,
    };
  if (ability.mode !== undefined)
    return {
      kind: "namespace",
      reason: `sees ${own.nodes.join(", ")} only, of the GPUs' device files`,
      environment,
      wrapper: privateDevices(ability.mode, own.nodes, deviceFolder),
    };
  const kind = tellsApart(own, nodes) ? "environment" : "none";
  return { kind, reason: ability.reason ?? "not tried", environment, wrapper: [] };
}

const NOTHING = { environment: {}, wrapper: [] } as const;

/** A part of a divided card has the card's PCI address. */
function ownNodes(gpu: BindableGpu, nodes: readonly GpuNodes[]): GpuNodes | undefined {
  const address = gpu.pciBusId === undefined ? undefined : pciAddressOf(gpu.pciBusId);
  return nodes.find(({ pciAddress }) => pciAddress === address);
}

/**
 * What loader and drivers read, by their documentation. The Vulkan loader (from 1.4.326 on) shows
 * devices of these PCI numbers only; Mesa's device-select layer shows the one of these numbers, or,
 * where there are two alike, the one at this address.
 */
function environmentFor(own: GpuNodes, nodes: readonly GpuNodes[]): Record<string, string> {
  const { vendorId, deviceId, pciAddress } = own;
  if (vendorId === undefined || deviceId === undefined) return {};
  const loader = {
    VK_LOADER_VENDOR_ID_FILTER: `0x${hex(vendorId)}`,
    VK_LOADER_DEVICE_ID_FILTER: `0x${hex(deviceId)}`,
  };
  if (!MESA_VENDORS.has(vendorId)) return loader;
  return hasTwin(own, nodes)
    ? { ...loader, DRI_PRIME: `pci-${pciAddress.replace(/[:.]/g, "_")}!` }
    : { ...loader, MESA_VK_DEVICE_SELECT: `${hex(vendorId)}:${hex(deviceId)}!` };
}

/** Whether what the environment asks for is one GPU: NVIDIA's driver cannot be asked for one of two alike. */
function tellsApart(own: GpuNodes, nodes: readonly GpuNodes[]): boolean {
  if (own.vendorId === undefined || own.deviceId === undefined) return false;
  return own.vendorId !== NVIDIA || !hasTwin(own, nodes);
}

function hasTwin({ pciAddress, vendorId, deviceId }: GpuNodes, all: readonly GpuNodes[]): boolean {
  return all.some(
    (each) =>
      each.pciAddress !== pciAddress && each.vendorId === vendorId && each.deviceId === deviceId,
  );
}

function hex(number: number): string {
  return number.toString(16).padStart(4, "0");
}
