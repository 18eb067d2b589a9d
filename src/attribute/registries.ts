import type { OwnerFacts, OwnerKind } from "../model/owner.ts";
import {
  ENGINE_USER_LABEL,
  type GpuInfo,
  type RegistryEntry,
  type RegistrySample,
} from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import { defined } from "./declared-facts.ts";

/** What a scheduler, a kubelet or an engine says that a device was given to. */
export interface Claim {
  kind: OwnerKind;
  id: string;
  source: string;
  /** The device, as it is shown: `GPU 3`. */
  gpu: string;
  facts: OwnerFacts;
  /** Whose it is, where the source says so. */
  user?: string | undefined;
  uid?: number | undefined;
  podUid?: string | undefined;
  containerId?: string | undefined;
}

/** One source never says more: a node runs some hundred containers. */
const MAX_ENTRIES = 10_000;
export const SHORT_ID = 12;
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/;

interface Noted {
  source: string;
  entry: RegistryEntry;
}

/** What the node's schedulers and engines say at the moment, by what it can be looked up with. */
export class Registries {
  /** Grows whenever something else may be said. */
  version = 0;
  private readonly bySource = new Map<string, readonly RegistryEntry[]>();
  private readonly containers = new Map<string, RegistryEntry>();
  /** Of users' own engines, by user: what one says must not name another's container. */
  private readonly ownContainers = new Map<string, RegistryEntry>();
  private readonly pods = new Map<string, RegistryEntry>();
  private readonly jobs = new Map<string, RegistryEntry>();
  private readonly gpus = new Map<string, Noted[]>();
  private readonly devices = new Map<number, GpuInfo>();

  /** All that a source says: it replaces what the source said before. */
  note({ source, entries }: RegistrySample): void {
    const before = this.bySource.get(source);
    // Registries are read every few seconds and change every few minutes.
    if (before && JSON.stringify(before) === JSON.stringify(entries)) return;
    this.bySource.set(source, entries.slice(0, MAX_ENTRIES));
    this.rebuild();
  }

  noteDevices(gpus: readonly GpuInfo[]): void {
    this.devices.clear();
    for (const gpu of gpus) this.devices.set(gpu.index, gpu);
    this.version += 1;
  }

  uuidOf(gpu: number): string {
    return this.devices.get(gpu)?.uuid ?? String(gpu);
  }

  container(id: string | undefined): RegistryEntry | undefined {
    return id === undefined ? undefined : this.containers.get(id.slice(0, SHORT_ID));
  }

  /** Of a rootless engine's container: its user's word, where the user's engine was asked. */
  ownContainer(uid: number, id: string): RegistryEntry | undefined {
    return this.ownContainers.get(ownKey(String(uid), id)) ?? this.container(id);
  }

  pod(uid: string): RegistryEntry | undefined {
    return this.pods.get(uid);
  }

  job(scheduler: string, id: string): RegistryEntry["job"] {
    return this.jobs.get(`${scheduler}:${id}`)?.job;
  }

  /** What the devices were given to, each once, in a fixed order. */
  claimsOn(gpus: Iterable<number>): readonly Claim[] {
    const claims = new Map<string, Claim>();
    for (const gpu of gpus)
      for (const name of this.namesOf(gpu))
        for (const noted of this.gpus.get(name) ?? []) {
          const claim = claimOf(noted, gpu);
          if (claim) claims.set(`${claim.kind}:${claim.id}`, claim);
        }
    return [...claims].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim);
  }

  /** A partition of a device also goes by the whole device's name. */
  private namesOf(gpu: number): string[] {
    const { uuid, parentUuid } = this.devices.get(gpu) ?? {};
    const uuids = [uuid, parentUuid].flatMap((name) => name?.toLowerCase() ?? []);
    return [...new Set([String(gpu), ...uuids])];
  }

  private rebuild(): void {
    this.version += 1;
    for (const map of [this.containers, this.ownContainers, this.pods, this.jobs, this.gpus])
      map.clear();
    for (const [source, entries] of this.bySource)
      for (const entry of entries) this.index(source, entry);
  }

  private index(source: string, entry: RegistryEntry): void {
    const { container, job } = entry;
    const user = new Map(Object.entries(entry.labels ?? {})).get(ENGINE_USER_LABEL);
    if (user !== undefined) {
      if (container?.id) this.ownContainers.set(ownKey(user, container.id), entry);
      return;
    }
    if (container?.id) this.containers.set(container.id.slice(0, SHORT_ID), entry);
    if (entry.pod?.uid) this.pods.set(spelledOut(entry.pod.uid), entry);
    if (job) this.jobs.set(`${job.scheduler}:${job.id}`, entry);
    for (const gpu of entry.gpus ?? []) {
      const name = deviceName(gpu);
      this.gpus.set(name, [...(this.gpus.get(name) ?? []), { source, entry }]);
    }
  }
}

function ownKey(uid: string, id: string): string {
  return `${uid}:${id.slice(0, SHORT_ID)}`;
}

/** `GPU-3f2a…::2` is the third share of a device; `nvidia3` the device file of number 3. */
function deviceName(name: string): string {
  const whole = name.toLowerCase().split("::", 1)[0] ?? "";
  return whole.replace(/^nvidia(?=\d+$)/, "");
}

/**
 * Of an engine that runs a pod's containers the labels say which. Whoever may start a container sets
 * its labels, so they name the pod that a control group proves, and nothing else.
 */
function podOf({ pod, labels }: RegistryEntry): RegistryEntry["pod"] {
  if (pod) return pod;
  const by = new Map(Object.entries(labels ?? {}));
  const namespace = by.get("io.kubernetes.pod.namespace");
  const name = by.get("io.kubernetes.pod.name");
  if (namespace === undefined || name === undefined) return undefined;
  const container = by.get("io.kubernetes.container.name");
  return { namespace, name, uid: by.get("io.kubernetes.pod.uid"), container };
}

/** What an entry says of an owner: the process itself has no say in it. */
export function registryFacts(entry: RegistryEntry | undefined): OwnerFacts {
  if (!entry) return {};
  const { container, job, pod } = entry;
  return defined({
    namespace: pod?.namespace,
    pod: pod?.name,
    podContainer: pod?.container,
    containerId: container?.id,
    containerName: container?.name,
    image: container?.image,
    sandbox: sandboxOf(entry),
    ...(job ? jobFacts(job) : {}),
  });
}

/** Of a container that its control group puts into a pod. */
export function podFacts(entry: RegistryEntry | undefined): OwnerFacts {
  if (!entry) return {};
  const { namespace, name, container } = podOf(entry) ?? {};
  return {
    ...registryFacts(entry),
    ...defined({ namespace, pod: name, podContainer: container }),
  };
}

export function jobFacts(job: NonNullable<RegistryEntry["job"]>): OwnerFacts {
  const { scheduler, id, user, account, partition, name } = job;
  return defined({ scheduler, job: id, jobName: name, user, account, partition });
}

/** The name of a ROCK sandbox is its container's: a number that nobody would give by hand. */
function sandboxOf({ container, labels }: RegistryEntry): string | undefined {
  const labelled = new Map(Object.entries(labels ?? {})).get("rock.sandbox/sandbox-id");
  const name = container?.name?.replace(/^\//, "");
  return labelled ?? (name !== undefined && UUID.test(name) ? name : undefined);
}

/** Who an entry would be as an owner; undefined where it names nobody. */
export function ownerIdOf(
  entry: RegistryEntry,
): { kind: "job" | "pod" | "container"; id: string } | undefined {
  const { container, job, pod } = entry;
  if (pod) return { kind: "pod", id: sanitize(`${pod.namespace}/${pod.name}`) };
  if (job) return { kind: "job", id: sanitize(`${job.scheduler}:${job.id}`) };
  if (container?.id) return { kind: "container", id: sanitize(container.id.slice(0, SHORT_ID)) };
  return undefined;
}

function claimOf({ source, entry }: Noted, gpu: number): Claim | undefined {
  const owner = ownerIdOf(entry);
  if (!owner) return undefined;
  const podUid = entry.pod?.uid;
  return {
    ...owner,
    source,
    gpu: `GPU ${gpu}`,
    facts: registryFacts(entry),
    user: entry.job?.user,
    uid: entry.job?.uid,
    podUid: podUid === undefined ? undefined : spelledOut(podUid),
    containerId: entry.container?.id,
  };
}

/** A pod's uid with its dashes, however it is written. */
function spelledOut(uid: string): string {
  const digits = uid.toLowerCase().replaceAll(/[-_]/g, "");
  const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(digits);
  return parts ? parts.slice(1).join("-") : uid;
}
