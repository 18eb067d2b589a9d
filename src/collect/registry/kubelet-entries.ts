import type { RegistryEntry } from "../../model/sample.ts";
import { type CardUuids, type DeviceGrant, grantedGpus } from "./device-ids.ts";
import { bounded } from "./labels.ts";
import type { LoggedContainer, PodLogNames } from "./pod-logs.ts";

/** A pod as the kubelet's socket tells it. */
export interface PodGrants {
  namespace: string;
  name: string;
  containers: readonly { name: string; devices: readonly DeviceGrant[] }[];
}

/** The label that says which replicas of a shared GPU a container was given. */
const REPLICAS_LABEL = "gpu-assay.replicas";

/**
 * What the socket and the names of the logs say together, an entry a container. Of several containers
 * of one name (it was started again) the newest one holds the devices; the others are gone or going,
 * and keep their names.
 */
export function kubeletEntries(
  pods: readonly PodGrants[],
  logs: PodLogNames,
  cards: CardUuids,
): RegistryEntry[] {
  const newest = newestContainers(logs.containers);
  const isUsed = new Set<LoggedContainer>();
  const granted = pods.flatMap(({ namespace, name, containers }) => {
    if (containers.length === 0) return [{ pod: { namespace, name } }];
    return containers.map((container): RegistryEntry => {
      const logged = newest.get(keyOf(namespace, name, container.name));
      if (logged) isUsed.add(logged);
      return entryOf(
        { namespace, pod: name, container: container.name, ...logged },
        [...container.devices],
        cards,
      );
    });
  });
  const rest = logs.containers.filter((one) => !isUsed.has(one));
  const named = new Set(logs.containers.flatMap(({ uid }) => uid ?? []));
  return [
    ...granted,
    ...rest.map((one) => entryOf(one, [], cards)),
    ...logs.pods.filter(({ uid }) => !named.has(uid)).map((pod): RegistryEntry => ({ pod })),
  ];
}

function entryOf(
  one: Pick<LoggedContainer, "namespace" | "pod" | "container" | "uid"> & { id?: string },
  devices: readonly DeviceGrant[],
  cards: CardUuids,
): RegistryEntry {
  const { namespace, pod: name, container, uid, id } = one;
  const { gpus, replicas } = grantedGpus(devices, cards);
  return {
    ...(gpus.length > 0 && { gpus }),
    ...(id !== undefined && { container: { id } }),
    pod: {
      namespace: bounded(namespace),
      name: bounded(name),
      ...(uid !== undefined && { uid }),
      container: bounded(container),
    },
    ...(replicas.length > 0 && { labels: { [REPLICAS_LABEL]: bounded(replicas.join(",")) } }),
  };
}

function newestContainers(all: readonly LoggedContainer[]): Map<string, LoggedContainer> {
  const newest = new Map<string, LoggedContainer>();
  for (const one of all) {
    const key = keyOf(one.namespace, one.pod, one.container);
    const before = newest.get(key);
    if (!before || before.startedAtMs < one.startedAtMs) newest.set(key, one);
  }
  return newest;
}

function keyOf(namespace: string, pod: string, container: string): string {
  return `${namespace}\0${pod}\0${container}`;
}
