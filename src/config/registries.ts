import { z } from "zod";

const path = z.string().regex(/^\//, { error: "must be an absolute path" });
const enabled = z.boolean().default(true);

/** `collect.registries` without its interval: who is asked whose a container or a GPU is. */
export const registriesShape = {
  /** Names of containers' labels to keep; one that ends with a dot stands for all that begin so. */
  labels: z.array(z.string().min(1).max(256)).max(64).default([]),
  kubelet: z
    .strictObject({
      enabled,
      socket: path.default("/var/lib/kubelet/pod-resources/kubelet.sock"),
      logRoot: path.default("/var/log"),
    })
    .prefault({}),
  docker: z.strictObject({ enabled, socket: path.default("/var/run/docker.sock") }).prefault({}),
  podman: z
    .strictObject({
      enabled,
      socket: path.default("/run/podman/podman.sock"),
      userRoot: path.default("/run/user"),
    })
    .prefault({}),
  containerd: z
    .strictObject({ enabled, socket: path.default("/run/containerd/containerd.sock") })
    .prefault({}),
  jobs: z
    .strictObject({
      enabled,
      directory: path.default("/run/gpu-assay/jobs"),
      scheduler: z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,32}$/, { error: "must be a short word" })
        .default("slurm"),
    })
    .prefault({}),
};
