import { z } from "zod";
import type { RegistryEntry } from "../../model/sample.ts";
import { getJson, type GetLimits } from "./http.ts";
import { bounded, entryOf, type LabelFilter } from "./labels.ts";

/* What Docker's interface, which podman speaks too, says of the containers that run. */

const PATH = "/containers/json";
/** Some thousands of containers with long labels. */
const MAX_BYTES = 8 * 1024 * 1024;

const containerSchema = z.object({
  Id: z.string().regex(/^[0-9a-f]{64}$/),
  Names: z.array(z.string()).nullish(),
  Image: z.string().nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
});
type Container = z.infer<typeof containerSchema>;

/** The containers; one that is not of the form it should have is left out. @throws Error */
export async function listContainers(
  socket: string,
  limits: Omit<GetLimits, "maxBytes">,
): Promise<Container[]> {
  const answer = z
    .array(z.unknown())
    .safeParse(await getJson(socket, PATH, { ...limits, maxBytes: MAX_BYTES }));
  if (!answer.success) throw new Error("the answer is no list of containers");
  const containers = answer.data.flatMap((one) => containerSchema.safeParse(one).data ?? []);
  if (containers.length === 0 && answer.data.length > 0)
    throw new Error("nothing in the answer is a container");
  return containers;
}

/** @param labels which are kept; without it none */
export function containerEntry(container: Container, labels?: LabelFilter): RegistryEntry {
  const { Id: id, Image: image } = container;
  const name = nameOf(container.Names ?? []);
  const all = container.Labels ?? {};
  const pod = labels && name?.startsWith("k8s_") ? podOf(all) : undefined;
  return entryOf({ id, name, image }, pod, labels?.kept(all));
}

/** Links give a container more names, with the other container's before: `/web/db`. */
function nameOf(names: readonly string[]): string | undefined {
  const plain = names.map((name) => name.replace(/^\//, ""));
  return plain.find((name) => !name.includes("/")) ?? plain[0];
}

/** The pod of a container, by the labels that the kubelet's runtimes put on it. */
export function podOf(labels: Readonly<Record<string, string>>): RegistryEntry["pod"] {
  const of = (key: string): string | undefined => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value ? bounded(value) : undefined;
  };
  const [namespace, name] = [of("io.kubernetes.pod.namespace"), of("io.kubernetes.pod.name")];
  if (!namespace || !name) return undefined;
  const uid = of("io.kubernetes.pod.uid");
  const container = of("io.kubernetes.container.name");
  return { namespace, name, ...(uid && { uid }), ...(container && { container }) };
}
