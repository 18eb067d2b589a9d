import type { Collector } from "../contract.ts";
import type { Notice } from "../thread/protocol.ts";
import { createRegistryCollector, type RegistryDeps, type RegistryReader } from "./collector.ts";
import { ContainerdReader } from "./containerd.ts";
import { DockerReader } from "./docker.ts";
import { JobsReader } from "./jobs/reader.ts";
import { KubeletReader } from "./kubelet.ts";
import { LabelFilter } from "./labels.ts";
import { PodmanReader } from "./podman.ts";

/** As the configuration has them, with durations in milliseconds. */
export interface RegistriesSettings {
  intervalMs: number;
  /** Containers' labels that are kept beside those that are always. */
  labels: readonly string[];
  kubelet: { enabled: boolean; socket: string; logRoot: string };
  docker: { enabled: boolean; socket: string };
  podman: { enabled: boolean; socket: string; userRoot: string };
  containerd: { enabled: boolean; socket: string };
  jobs: { enabled: boolean; directory: string; scheduler: string };
  procRoot: string;
  sysRoot: string;
  /** For one answer: 2 s by default. */
  timeoutMs?: number | undefined;
}

export interface RegistriesDeps {
  onNotice?: ((source: string, notice: Notice) => void) | undefined;
}

const TIMEOUT_MS = 2000;

/** A collector for each registry that is switched on. */
export function createRegistryCollectors(
  settings: RegistriesSettings,
  { onNotice }: RegistriesDeps,
): Collector[] {
  const { kubelet, docker, podman, containerd, jobs, procRoot, sysRoot } = settings;
  const labels = new LabelFilter(settings.labels);
  const timeoutMs = settings.timeoutMs ?? TIMEOUT_MS;
  const collectorOf = (
    name: string,
    isEnabled: boolean,
    readerOf: (deps: RegistryDeps) => RegistryReader,
  ): Collector[] => {
    if (!isEnabled) return [];
    const deps: RegistryDeps = { onNotice: (notice) => onNotice?.(name, notice) };
    const { intervalMs } = settings;
    return [createRegistryCollector({ name, intervalMs }, readerOf(deps), deps)];
  };
  return [
    ...collectorOf(
      "kubelet",
      kubelet.enabled,
      (deps) => new KubeletReader({ ...kubelet, sysRoot, timeoutMs }, deps),
    ),
    ...collectorOf(
      "docker",
      docker.enabled,
      () => new DockerReader({ ...docker, labels, timeoutMs }),
    ),
    ...collectorOf(
      "podman",
      podman.enabled,
      (deps) => new PodmanReader({ ...podman, labels, timeoutMs }, deps),
    ),
    ...collectorOf(
      "containerd",
      containerd.enabled,
      () => new ContainerdReader({ ...containerd, labels, timeoutMs }),
    ),
    ...collectorOf("prolog", jobs.enabled, (deps) => new JobsReader({ ...jobs, procRoot }, deps)),
  ];
}
