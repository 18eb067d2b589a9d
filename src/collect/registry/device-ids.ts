/** Devices of one resource, as the kubelet gave them to a container. */
export interface DeviceGrant {
  resource: string;
  ids: readonly string[];
}

/** What a container was given of this node's GPUs. */
export interface GrantedGpus {
  /** Uuids, or indices as text. */
  gpus: string[];
  /** Numbers of the replicas, where a GPU is handed out several times (time slicing, MPS). */
  replicas: string[];
}

/** The uuid of a card of AMD or Intel by its PCI address or its name in `/dev/dri`. */
export type CardUuids = (slotOrName: string) => string | undefined;

const MAX_DEVICES = 256;
const NVIDIA_UUID = /^(?:GPU|MIG)-[0-9A-Za-z/-]{4,96}$/;
/** Where the device plugin is told to name devices by number: `0`, and `0:1` for a slice. */
const NVIDIA_INDEX = /^\d{1,3}(?::\d{1,2})?$/;
const NVIDIA_GPU = /^nvidia\.com\/(?:gpu|mig-)/;
const CARD = /^(card\d{1,3}|[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/;
/** `card0-3` is the third share of a card. */
const INTEL_SHARE = /^(card\d{1,3})-\d+$/;

/**
 * The GPUs among what the device plugins handed out. What is no GPU is passed over, and so is Intel's
 * `_monitoring`, which gives all of a node's cards to whoever watches them.
 */
export function grantedGpus(grants: readonly DeviceGrant[], cards: CardUuids): GrantedGpus {
  const gpus = new Set<string>();
  const replicas = new Set<string>();
  for (const { resource, ids } of grants)
    for (const id of ids.slice(0, MAX_DEVICES)) {
      const [device = "", replica] = id.split("::");
      const gpu = gpuOf(resource, device, cards);
      if (gpu === undefined) continue;
      gpus.add(gpu);
      if (replica !== undefined && /^\d{1,4}$/.test(replica)) replicas.add(replica);
    }
  return { gpus: [...gpus].sort(), replicas: [...replicas].sort((a, b) => Number(a) - Number(b)) };
}

function gpuOf(resource: string, id: string, cards: CardUuids): string | undefined {
  if (resource.startsWith("nvidia.com/")) {
    if (NVIDIA_UUID.test(id)) return id;
    return NVIDIA_GPU.test(resource) && NVIDIA_INDEX.test(id) ? id.replace(":", ".") : undefined;
  }
  const isIntel = resource.startsWith("gpu.intel.com/") && !resource.endsWith("_monitoring");
  if (!isIntel && !resource.startsWith("amd.com/")) return undefined;
  const card = isIntel ? id.replace(INTEL_SHARE, "$1") : id;
  return CARD.test(card) ? (cards(card) ?? card) : undefined;
}
